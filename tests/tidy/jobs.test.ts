/**
 * SQL queues jobs by name, and so does the clock: a name that nobody answers to would fail in
 * production alone, and a task that nobody queues is dead.
 */
import { expect, test } from "@jest/globals";
import { parseCrontab } from "graphile-worker";
import { crontab, jobs } from "../../src/jobs/index.ts";
import { FOLLOWED_EVENTS } from "../../src/jobs/processStripeEvent.ts";
import { filesUnder, readText, type SourceFile } from "./repository.ts";

interface Queued {
  readonly task: string;
  readonly where: string;
}

/** The file that defines the door itself. */
const DOOR = "sql/foundation/add_job.sql";
const COMMENTS = /--[^\n]*|\/\*[\s\S]*?\*\//g;

/** Every task that SQL queues; `faults` are calls that this test cannot read. */
function queuedBySql(files: readonly SourceFile[]): { queued: Queued[]; faults: string[] } {
  const queued: Queued[] = [];
  const faults: string[] = [];
  for (const { path, text } of files) {
    if (path === DOOR) continue;
    const code = text.replaceAll(COMMENTS, " ");
    if (/graphile_worker\s*\.\s*(add_job|add_jobs)\b/.test(code)) {
      faults.push(`${path} goes around the door: queue with app_hidden.add_job().`);
    }
    for (const [, argument = ""] of code.matchAll(/app_hidden\s*\.\s*add_job\s*\(\s*([^\s,)]*)/g)) {
      const task = /^'([a-z_]+)'$/.exec(argument)?.[1];
      if (task !== undefined) queued.push({ task, where: path });
      else faults.push(`${path} queues ${argument}: write the task's name there as a text.`);
    }
  }
  return { queued, faults };
}

function queuedByClock(text: string): Queued[] {
  return parseCrontab(text).map(({ task }) => ({ task, where: "the crontab in src/jobs" }));
}

function mismatches(queued: readonly Queued[], tasks: readonly string[]): string[] {
  const unknown = queued.filter(({ task }) => !tasks.includes(task));
  const unused = tasks.filter((task) => !queued.some((one) => one.task === task));
  return [
    ...unknown.map(
      ({ task, where }) =>
        `${where} queues ${task}, which no job answers to: write it in src/jobs and add it to ` +
        "src/jobs/index.ts.",
    ),
    ...unused.map(
      (task) =>
        `Nothing queues ${task}: remove it from src/jobs/index.ts, or queue it with ` +
        "app_hidden.add_job() or by the crontab.",
    ),
  ];
}

test("every job that SQL or the clock queues is there, and every job is queued by one of them", () => {
  const { queued, faults } = queuedBySql(filesUnder("sql", ".sql"));
  expect(faults).toEqual([]);
  expect(mismatches([...queued, ...queuedByClock(crontab)], Object.keys(jobs))).toEqual([]);

  const call = "perform app_hidden.add_job(\n  'mail__send', '{}');";
  const sql = queuedBySql([{ path: "sql/a.sql", text: call }]);
  expect(sql).toEqual({ queued: [{ task: "mail__send", where: "sql/a.sql" }], faults: [] });
  expect(mismatches(sql.queued, ["mail__send"])).toEqual([]);
  expect(mismatches(sql.queued, [])).toHaveLength(1);
  expect(mismatches([], ["mail__send"])).toHaveLength(1);
  expect(mismatches(queuedByClock("* * * * * booking__expire_holds"), [])).toHaveLength(1);
  for (const text of [
    "select app_hidden.add_job(v_task, '{}');",
    "select graphile_worker.add_job('x');",
  ]) {
    expect(queuedBySql([{ path: "sql/a.sql", text }]).faults).toHaveLength(1);
  }
});

test("the README names the events to subscribe to, and no others", () => {
  const readme = readText("README.md");
  const [, section = ""] = readme.split("**Stripe.** ", 2);
  const [paragraph = ""] = section.split("\n\n", 1);
  const named = [...paragraph.matchAll(/`((?:payment_intent|charge|refund)\.\w+)`/g)].map(
    ([, name]) => name,
  );
  expect(named.toSorted()).toEqual(Object.keys(FOLLOWED_EVENTS).toSorted());
});
