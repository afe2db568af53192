/** Asks our server for many minutes, and says whether it keeps what it should give back. */
import { measure } from "./load.ts";
import { type Ask, type Market, MEASURED } from "./requests.ts";

export interface Sample {
  /** Since the begin. */
  readonly minutes: number;
  /** Megabytes. */
  readonly rss: number;
}

/** Until then caches fill and documents are compiled. */
const SETTLED_MINUTES = 2;
/** What a run may add from then on, as a share of what there is: less is noise. */
const NOISE = 0.05;
const CLIENTS = 8;
const WINDOW_MS = 30_000;

/** What the samples say: megabytes a minute since it has settled, and whether that is growth. */
export interface Growth {
  readonly slope: number;
  readonly from: number;
  readonly grows: boolean;
}

/** The slope of the line through the samples with the least squares. */
export function growthOf(samples: readonly Sample[]): Growth {
  const end = samples.at(-1)?.minutes ?? 0;
  // A run that is too short to settle is judged by its second half.
  const from = Math.min(SETTLED_MINUTES, end / 2);
  const settled = samples.filter(({ minutes }) => minutes >= from);
  const mean = (of: (sample: Sample) => number): number =>
    settled.reduce((sum, sample) => sum + of(sample), 0) / settled.length;
  const [middle, level] = [mean(({ minutes }) => minutes), mean(({ rss }) => rss)];
  const spread = mean(({ minutes }) => (minutes - middle) ** 2);
  const slope = mean(({ minutes, rss }) => (minutes - middle) * (rss - level)) / (spread || 1);
  return { slope, from, grows: slope * (end - from) > level * NOISE };
}

/** Asks each of the requests in turn, in GraphQL and REST; prints a line each half minute. */
export async function soak(
  server: { readonly pid: number; readonly port: number },
  postmaster: number,
  market: Market,
  minutes: number,
): Promise<Growth> {
  const asks = MEASURED.flatMap(({ of }) => [of.graphql, of.rest]).filter((of) => of !== undefined);
  const samples: Sample[] = [];
  let offset = 0;
  console.log("| minutes | req/s | p99 ms | RSS MB |\n| --: | --: | --: | --: |");
  while ((samples.at(-1)?.minutes ?? 0) < minutes) {
    const askOf = (index: number): Ask => {
      const count = offset + index;
      const ask = asks[count % asks.length];
      if (ask === undefined) throw new Error("There is nothing to ask.");
      return ask(market, Math.floor(count / asks.length));
    };
    const figures = await measure(server, postmaster, askOf, CLIENTS, WINDOW_MS);
    offset += Math.round(figures.perSecond * (WINDOW_MS / 1000));
    const at = (samples.length + 1) * (WINDOW_MS / 60_000);
    samples.push({ minutes: at, rss: figures.rss });
    const cells = [at.toFixed(1), figures.perSecond.toFixed(0), figures.p99.toFixed(1)];
    console.log(`| ${[...cells, figures.rss.toFixed(0)].join(" | ")} |`);
  }
  return growthOf(samples);
}
