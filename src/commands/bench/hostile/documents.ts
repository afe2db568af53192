/**
 * What somebody without an account could send to make a server slow: forty documents, each dear in
 * its own way. Some are refused before they cost anything; the others are answered within bounds.
 */

export interface HostileDocument {
  readonly what: string;
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Whether a limit refuses it; else it is served, slowly and on its own share. */
  readonly isRefused: boolean;
}

const times = (count: number, write: (index: number) => string): string =>
  Array.from({ length: count }, (_item, index) => write(index)).join(" ");

const WORLD = "west: -180, south: -85, east: 180, north: 85";
const IMPOSSIBLE = `searchListings(${WORLD}, currency: "EUR", minAmount: "1", maxAmount: "1")`;

const listings = (fields: string, page = "first: 100"): string =>
  `{ listings(${page}) { nodes { ${fields} } } }`;

const searches = (count: number, seed = 0): string =>
  `{ ${times(count, (index) => `s${seed}_${index}: ${IMPOSSIBLE} { nodes { cursor } }`)} }`;

/** Nights from today on. */
interface Days {
  /** Arguments of a stay in a month. */
  readonly stay: string;
  /** The field of as many nights as may be asked for. */
  readonly nights: string;
}

function daysFrom(today: Date): Days {
  const date = (days: number): string =>
    new Date(today.getTime() + days * 86_400_000).toISOString().slice(0, 10);
  return {
    stay: `checkIn: "${date(30)}", checkOut: "${date(33)}"`,
    nights: `takenNights(fromDate: "${date(0)}", toDate: "${date(799)}")`,
  };
}

/** Forty documents; `seed` makes them other ones, so that no server can keep their plans. */
export function hostileDocuments(seed: number, today: Date): readonly HostileDocument[] {
  const days = daysFrom(today);
  const refused = refusedDocuments(days);
  const served = servedDocuments(days, seed);
  // What is served is what hurts: it comes most often, each time as another document.
  const again = Array.from({ length: 40 - refused.length - served.length }, (_item, index) => {
    const document = served[index % served.length] as HostileDocument;
    return { ...document, query: `${document.query} # ${seed} ${index}` };
  });
  return [...refused, ...served, ...again];
}

function refusedDocuments({ nights }: Days): readonly HostileDocument[] {
  const refuse = (what: string, query: string): HostileDocument => ({
    what,
    query,
    isRefused: true,
  });
  return [
    refuse("nights fifty times", listings(times(50, (index) => `n${index}: ${nights}`))),
    refuse("nights of a hundred listings", listings(nights)),
    refuse("twenty searches", searches(20)),
    refuse("four searches", searches(4)),
    refuse("a field 490 times", listings(times(490, () => "host{id}"))),
    refuse("a field 1900 times", listings(times(1900, () => "id"))),
    refuse("sixty aliases", listings(times(60, (index) => `a${index}: id`))),
    refuse("thirty roots", `{ ${times(30, (index) => `r${index}: listings { totalCount }`)} }`),
    refuse("sixty directives", listings(`id ${times(60, () => "@include(if: true)")}`)),
    refuse("a page of 10,000", listings("id", "first: 10000")),
    refuse("an offset of a million", listings("id", "offset: 1000000")),
    refuse("pages in pages", listings("reviews(first: 100) { nodes { id } } photos { id }")),
    refuse(
      "fragments that double",
      `{ me { ...f0 } } ${times(14, (index) => {
        const next = index === 13 ? "id" : `...f${index + 1} ...f${index + 1}`;
        return `fragment f${index} on User { ${next} }`;
      })}`,
    ),
    refuse(
      "150 fragments in one place",
      `${listings(times(150, (index) => `...f${index}`))}
       ${times(150, (index) => `fragment f${index} on Listing { id }`)}`,
    ),
    refuse(
      "a road in circles",
      listings(`${"host { listings { nodes { ".repeat(5)} id
      ${"} } }".repeat(5)}`),
    ),
  ];
}

function servedDocuments({ stay, nights }: Days, seed: number): readonly HostileDocument[] {
  const serve = (what: string, query: string, variables = {}): HostileDocument => ({
    what,
    query: `${query} # ${seed}`,
    variables,
    isRefused: false,
  });
  const price = `currency: "EUR", maxAmount: "${1 + (seed % 9)}"`;
  return [
    serve("three searches of the world", searches(3, seed)),
    serve(
      "three searches with dates",
      `{ ${times(
        3,
        (index) =>
          `s${index}: searchListings(${WORLD}, ${stay}, ${price}, amenities: ["wifi", "pool"]) {
            nodes { cursor } }`,
      )} }`,
    ),
    serve(
      "a search of the world for sixteen",
      `{ searchListings(${WORLD}, ${stay}, guests: 16,
      pageSize: 100) { nodes { cursor totalAmount } } }`,
    ),
    serve(
      "a search of the stars",
      `{ searchListings(${WORLD}, minimumRating: "4.8", pageSize: 100) {
      nodes { listing { id title host { displayName } } } } }`,
    ),
    serve("10,000 rows", listings("photos(first: 90) { url }")),
    serve("nights of twelve listings", listings(nights, "first: 12")),
    serve(
      "twenty counts",
      `{ ${times(20, (index) => `c${seed}_${index}: listings { totalCount }`)} }`,
    ),
    serve("rows far away", listings("id title description", "first: 100, offset: 10000")),
    serve(
      "2000 ids",
      "query ($in: [UUID!]) { listings(filter: { hostId: { in: $in } }) { totalCount } }",
      {
        in: Array.from(
          { length: 2000 },
          (_item, index) =>
            `00000000-0000-4000-8000-${String(seed * 2000 + index).padStart(12, "0")}`,
        ),
      },
    ),
    serve(
      "all names of a place",
      listings(`id a${seed}: title host { displayName } averageRating`),
    ),
  ];
}
