/**
 * Turns the texts of CSV cells into what our columns hold: plain text, amounts of money, links and
 * numbers. It knows nothing of which column is which.
 */

/** Longer cells are cut before anything looks at them, so that no cell costs much. */
const LONGEST_CELL = 100_000;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  ndash: "\u2013",
  mdash: "\u2014",
  lsquo: "\u2018",
  rsquo: "\u2019",
  ldquo: "\u201c",
  rdquo: "\u201d",
  hellip: "\u2026",
  bull: "\u2022",
  middot: "\u00b7",
  deg: "\u00b0",
  euro: "\u20ac",
  pound: "\u00a3",
  trade: "\u2122",
  reg: "\u00ae",
  copy: "\u00a9",
  frac12: "\u00bd",
  eacute: "\u00e9",
  egrave: "\u00e8",
  agrave: "\u00e0",
  ccedil: "\u00e7",
  ouml: "\u00f6",
  uuml: "\u00fc",
  auml: "\u00e4",
  ntilde: "\u00f1",
};

/**
 * Plain text out of HTML: line breaks and ends of blocks become newlines, tags go, entities are
 * decoded; scripts of every kind and emoji stay. The result is text, which a page must escape.
 * @param most the longest result, in characters as PostgreSQL counts them
 */
export function plainText(html: string, most: number): string {
  const text = html
    .slice(0, LONGEST_CELL)
    .replace(/\r\n?/g, "\n")
    .replace(/<br\b[^<>]*>|<\/(?:p|div|li|h[1-6]|tr)\s*>/gi, "\n")
    .replace(/<(?:\/?[a-z]|!--)[^<>]*>/gi, "")
    .replace(/&(#x?[0-9a-f]{1,7}|[a-z0-9]{2,8});/gi, decodeEntity);
  return shorten(
    printable(text)
      .replace(/[ \t]+$/gm, "")
      .replace(/\n{3,}/g, "\n\n"),
    most,
  );
}

/** The same on one line, for titles and names. */
export function plainLine(html: string, most: number): string {
  return shorten(plainText(html, LONGEST_CELL).replace(/\s+/g, " "), most);
}

function decodeEntity(whole: string, name: string): string {
  if (!name.startsWith("#")) return ENTITIES[name] ?? ENTITIES[name.toLowerCase()] ?? whole;
  const hexadecimal = /^#x/i.test(name);
  const code = Number.parseInt(name.slice(hexadecimal ? 2 : 1), hexadecimal ? 16 : 10);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}

/** Without control characters, which PostgreSQL partly refuses, and without broken surrogates. */
function printable(text: string): string {
  return text
    .replace(/(?![\n\t])\p{Cc}|[\u202A-\u202E\u2066-\u2069\uFFF9-\uFFFB]/gu, "")
    .toWellFormed();
}

function shorten(text: string, most: number): string {
  const trimmed = text.trim();
  if (trimmed.length <= most) return trimmed;
  const characters = [...trimmed];
  return characters.length <= most ? trimmed : characters.slice(0, most).join("").trim();
}

/** What to know about a currency in order to read amounts of it. */
export interface Minor {
  /** Its decimals. */
  readonly exponent: number;
  /** 1 or 10: what can be charged are multiples of so many minor units. */
  readonly chargeStep: number;
}

/**
 * An amount in minor units out of a price such as `$1,234.00`; null where the cell is empty.
 * More decimals than can be charged are rounded, half up.
 * @returns undefined for what is no price
 */
export function parsePrice(text: string, minor: Minor): number | null | undefined {
  const cell = text.trim();
  if (cell === "") return null;
  const found = /^[^\d.,+-]{0,5}(\d{1,3}(?:,\d{3})+|\d{1,12})(?:\.(\d{1,9}))?$/.exec(cell);
  if (found === null) return undefined;
  const whole = Number((found[1] ?? "").replaceAll(",", ""));
  // Tens of the third decimal are ones of the second.
  const places = minor.exponent - Math.log10(minor.chargeStep);
  const decimals = (found[2] ?? "").padEnd(places + 1, "0");
  const fraction = Number(decimals.slice(0, places) || "0");
  const roundsUp = (decimals[places] ?? "0") >= "5";
  return (whole * 10 ** places + fraction + (roundsUp ? 1 : 0)) * minor.chargeStep;
}

/** A link that our columns take: https, http made https; null for anything else. */
export function httpsUrl(text: string): string | null {
  const url = text.trim().replace(/^http:/i, "https:");
  const fits = /^https:\/\/[^\s"'<>]+$/.test(url) && url.length <= 2048 && URL.canParse(url);
  return fits ? url : null;
}

/** A finite number, such as `-8.61` or `5e-05`; undefined where the cell holds none. */
export function parseNumber(text: string | undefined): number | undefined {
  const cell = text?.trim() ?? "";
  if (!/^-?\d{1,15}(\.\d{1,20})?(e[+-]?\d{1,2})?$/i.test(cell)) return undefined;
  return Number(cell);
}
