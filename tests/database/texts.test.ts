/**
 * Text that people write is what it looks like, wherever it is written: every text column that a
 * client can write has one of the domains of text, and so do those that functions write for them.
 */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { testDatabase } from "../helpers/database.ts";
import {
  asOwner,
  asServer,
  asVisitor,
  completeListing,
  hold,
  NOON,
  paidBooking,
  publishedListing,
  quoted,
  refusal,
  somebody,
  stopClock,
} from "../helpers/factories.ts";
import { type Draw, drawFrom } from "../helpers/generate.ts";

const database = testDatabase();
const ACCEPTED = "it was not refused";

/** A statement that writes $1 into a column, and who does it. */
interface Writer {
  readonly who: () => string | null;
  readonly text: string;
  readonly more?: () => unknown[];
  /** Whether the server writes it for them. */
  readonly isServer?: true;
}

let host: string;
let operator: string;
let guest: string;
let listing: string;
let stay: string;
let quote: string;

beforeAll(async () => {
  await stopClock(database, NOON);
  host = await somebody(database, "Hanna");
  guest = await somebody(database, "Gero");
  operator = await somebody(database, "Olga");
  await asOwner(database, "insert into app_private.operators (user_id) values ($1)", [operator]);
  listing = await completeListing(database, host);
  const published = await publishedListing(database, host);
  stay = await paidBooking(database, guest, published);
  quote = await quoted(database, guest, published, ["2031-08-01", "2031-08-03"]);
  await hold(database, guest, published, ["2031-09-01", "2031-09-03"]);
});

const ADDRESS = "select app_public.set_listing_address($2";
const byHost = (text: string): Writer => ({ who: () => host, text, more: () => [listing] });

const LINES: Readonly<Record<string, Writer>> = {
  display_name: {
    who: () => guest,
    text: "update app_public.users set display_name = $1 where id = $2",
    more: () => [guest],
  },
  location: {
    who: () => guest,
    text: "update app_public.users set location = $1 where id = $2",
    more: () => [guest],
  },
  title: byHost("update app_public.listings set title = $1 where id = $2"),
  caption: byHost(
    `insert into app_public.listing_photos (listing_id, url, caption)
     values ($2, 'https://example.com/2', $1)`,
  ),
  street: byHost(`${ADDRESS}, $1, 'Lisboa', 'PT', 'Europe/Lisbon', -9, 38)`),
  city: byHost(`${ADDRESS}, 'Rua 1', $1, 'PT', 'Europe/Lisbon', -9, 38)`),
  postal_code: byHost(
    `${ADDRESS}, 'Rua 1', 'Lisboa', 'PT', 'Europe/Lisbon', -9, 38, postal_code => $1)`,
  ),
  region: byHost(`${ADDRESS}, 'Rua 1', 'Lisboa', 'PT', 'Europe/Lisbon', -9, 38, region => $1)`),
  idempotency_key: {
    who: () => guest,
    text: "select app_public.create_booking($2, repeat($1, 4))",
    more: () => [quote],
  },
};

const PROSE: Readonly<Record<string, Writer>> = {
  bio: {
    who: () => guest,
    text: "update app_public.users set bio = $1 where id = $2",
    more: () => [guest],
  },
  description: byHost("update app_public.listings set description = $1 where id = $2"),
  house_rules: byHost("update app_public.listings set house_rules = $1 where id = $2"),
  directions: byHost(
    `${ADDRESS}, 'Rua 1', 'Lisboa', 'PT', 'Europe/Lisbon', -9, 38, directions => $1)`,
  ),
  note: byHost("select app_public.block_nights($2, '2031-07-01', '2031-07-02', $1)"),
  reason: {
    who: () => guest,
    text: `select app_public.end_alteration((
        app_public.propose_alteration($2, gen_random_uuid()::text, '2031-06-10', '2031-06-15', 1)
      ).id, $1)`,
    more: () => [stay],
  },
  impersonated_because: {
    who: () => operator,
    text: "select app_private.start_impersonation($2, $3, $1, '', '1 minute')",
    more: () => [operator, guest],
    isServer: true,
  },
  comment: {
    who: () => guest,
    text: "select app_public.submit_review($2, 5, $1)",
    more: () => [stay],
  },
};

const write = ({ who, text, more, isServer }: Writer, value: string) => {
  const values = [value, ...(more?.() ?? [])];
  return refusal(
    isServer ? asServer(database, text, values) : asVisitor(database, who(), text, values),
  );
};

const characters = (...ranges: readonly (readonly [number, number])[]): string[] =>
  ranges.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index)),
  );

/** What no text has: control characters, and what turns the direction of the text behind it. */
const NEVER = characters(
  [0x01, 0x08],
  [0x0b, 0x0c],
  [0x0e, 0x1f],
  [0x7f, 0x9f],
  [0x202a, 0x202e],
  [0x2066, 0x2069],
  [0xfff9, 0xfffb],
);
/** What breaks a line. */
const BREAKS = ["\t", "\n", "\r", "\r\n", "\u2028", "\u2029"];
/** What nobody sees. */
const BLANKS = [" ", "\u00a0", "\u200b", "\u2060", "\ufeff", "\u3000", "\u3164", "\u200d\u200c"];

/** A text that people write, in one of many scripts. */
const word = (draw: Draw): string =>
  draw.one([
    "Casa",
    "Żółw & Söhne <3",
    "שלום",
    "مرحبا",
    "民宿の家",
    "👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "می‌خواهم",
    "\u200fabc",
  ]);

/** A text with something in it. */
function withIn(draw: Draw, what: string): string {
  return draw.one([`${what}${word(draw)}`, `${word(draw)}${what}${word(draw)}`]);
}

describe("a line", () => {
  test.each(Object.entries(LINES))("has nothing hidden in it: %s", async (_name, writer) => {
    const draw = drawFrom(6);
    for (const bad of [...NEVER, ...BREAKS]) {
      const value = withIn(draw, bad);
      expect([value, await write(writer, value)]).toEqual([value, "23514"]);
    }
    for (const blank of BLANKS) {
      const value = blank.repeat(draw.integer(2, 5));
      // Where a text may be left out, blanks may be trimmed to none.
      expect([value, await write(writer, value)]).toEqual([value, "23514"]);
    }
  });

  test.each(Object.entries(LINES))("is written in any script: %s", async (name, writer) => {
    const draw = drawFrom(7);
    const rounds = name === "idempotency_key" ? 1 : 10;
    for (let round = 0; round < rounds; round += 1) {
      const value = word(draw).slice(0, 20);
      expect([value, await write(writer, value)]).toEqual([value, ACCEPTED]);
    }
  });

  test("is the name of a registration, and its address", async () => {
    const register = (email: string, name: string) =>
      refusal(
        asServer(database, "select app_private.register($1, $2, $3)", [
          email,
          name,
          "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
        ]),
      );
    const draw = drawFrom(8);
    for (const bad of [...NEVER, "\n", "\u2028"]) {
      expect(await register("sam@example.com", `Sam${bad}Bcc: ${word(draw)}`)).toBe("23514");
      expect(await register(`sam${bad}@example.com`, "Sam")).toBe("23514");
    }
    expect(await register("sam@example.com", "Sam")).toBe(ACCEPTED);
  });
});

describe("prose", () => {
  test.each(Object.entries(PROSE))("has lines and nothing hidden: %s", async (name, writer) => {
    const draw = drawFrom(9);
    await stopClock(database, name === "comment" ? "2031-06-20T12:00:00Z" : NOON);
    for (const bad of NEVER) {
      const value = withIn(draw, bad);
      expect([value, await write(writer, value)]).toEqual([value, "23514"]);
    }
    expect(await write(writer, `${word(draw)}\r\n\t${word(draw)}\n\n${word(draw)}`)).toBe(ACCEPTED);
    await stopClock(database, NOON);
  });
});

/** Text columns that a client may write and that have no domain. */
async function plainColumns(): Promise<unknown[]> {
  const rows = await asOwner(
    database,
    `select a.attrelid::regclass || '.' || a.attname as name
     from pg_attribute a
     join pg_class c on c.oid = a.attrelid and c.relkind = 'r'
     where c.relnamespace::regnamespace::text in ('app_public', 'app_hidden', 'app_private')
       and a.attnum > 0 and not a.attisdropped
       and a.atttypid in ('text'::regtype, 'varchar'::regtype)
       and (
         has_column_privilege($1, a.attrelid, a.attnum, 'insert')
         or has_column_privilege($1, a.attrelid, a.attnum, 'update')
       )
     order by 1`,
    [database.config.database.visitor],
  );
  return rows.map(({ name }) => name);
}

/** Columns of the domains of text, without their tables. */
async function domainColumns(): Promise<unknown[]> {
  const rows = await asOwner(
    database,
    `select distinct a.attname::text as name from pg_attribute a
     join pg_class c on c.oid = a.attrelid and c.relkind = 'r'
     where a.atttypid in ('app_public.line'::regtype, 'app_public.prose'::regtype)
     order by 1`,
  );
  return rows.map(({ name }) => name);
}

test("every text that a client may write has a domain, and is tried here", async () => {
  // A telephone number has a form of its own.
  const PHONE = "app_public.user_contacts.phone";
  expect((await plainColumns()).filter((name) => name !== PHONE)).toEqual([]);
  const tried = [...Object.keys(LINES), ...Object.keys(PROSE), "email"];
  expect(await domainColumns()).toEqual(tried.sort());
  await asOwner(
    database,
    `create table app_public.odd (words text);
     grant insert (words) on app_public.odd to ${database.config.database.visitor}`,
  );
  expect(await plainColumns()).toContain("app_public.odd.words");
  await asOwner(database, "drop table app_public.odd");
});

describe("codes of lists", () => {
  const country = (code: string) =>
    refusal(
      asVisitor(
        database,
        host,
        `${ADDRESS.replace("$2", "$1")}, 'Rua 1', 'Lisboa', $2, 'Europe/Lisbon', -9, 38)`,
        [listing, code],
      ),
    );
  const languages = (...tags: string[]) =>
    refusal(
      asVisitor(database, guest, "update app_public.users set languages = $1 where id = $2", [
        tags,
        guest,
      ]),
    );
  const letters = (draw: Draw, count: number): string =>
    Array.from({ length: count }, () => String.fromCharCode(draw.integer(65, 90))).join("");

  test("are countries that there are", async () => {
    const known = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });
    const draw = drawFrom(10);
    for (const code of ["PT", "de", "TW", "SS", "XK"]) expect(await country(code)).toBe(ACCEPTED);
    for (const code of ["ZZ", "UK", "EU", "XX", "P", "PRT", ""]) {
      expect([code, await country(code)]).toEqual([code, "23514"]);
    }
    for (let round = 0; round < 100; round += 1) {
      const code = letters(draw, 2);
      if (known.of(code) === undefined) expect(await country(code)).toBe("23514");
    }
  });

  test("are languages that there are", async () => {
    const known = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" });
    const draw = drawFrom(11);
    expect(await languages("pt", "pt-BR", "zh-Hant", "es-419", "zh-Hant-TW", "yue")).toBe(ACCEPTED);
    for (const tag of ["xx", "english", "pt-ZZ", "pt_BR", "de-", "d", "", "pt-BR\n"]) {
      expect([tag, await languages("de", tag)]).toEqual([tag, "23514"]);
    }
    const common = "de en fr es it pt nl pl uk ru tr ar he fa hi bn ta zh ja ko vi th sw am yo zu";
    for (const tag of `${common} fil haw gsw nds ckb zgh zza`.split(" ")) {
      expect([tag, await languages(tag)]).toEqual([tag, ACCEPTED]);
    }
    for (let round = 0; round < 100; round += 1) {
      const tag = letters(draw, draw.integer(2, 3)).toLowerCase();
      if (known.of(tag) === undefined) expect(await languages(tag)).toBe("23514");
    }
  });
});
