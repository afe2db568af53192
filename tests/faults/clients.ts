/** The people: guests, hosts and an operator, who do what the product offers, over HTTP, again and again. */
import { randomUUID } from "node:crypto";
import { createTokens } from "../../src/resources/tokens.ts";
import { apiClient, type Client } from "../helpers/client.ts";
import type { Draw } from "../helpers/generate.ts";
import type { History } from "./history.ts";
import { type Stage, sleep } from "./stage.ts";

export interface World {
  readonly guests: readonly string[];
  readonly host: string;
  readonly operator: string;
  /** Two are booked at once, one by request. */
  readonly listings: readonly string[];
}

/** Nights of a listing; the first in days from today. */
export interface Nights {
  readonly listing: string;
  readonly from: number;
  readonly nights: number;
}

/** The first night that is fought for, in days from today, and how many are. */
const FIRST = 40;
const NIGHTS = 30;

/** The first night that nobody wants but who is told to. */
export const QUIET_NIGHT = FIRST + NIGHTS + 10;

const day = (offset: number): string =>
  new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

const CREATE_QUOTE = `mutation ($listing: UUID!, $in: Date!, $out: Date!) {
  createQuote(input: { listingId: $listing, checkIn: $in, checkOut: $out, guests: 1 }) {
    quote { id } } }`;
const CREATE_BOOKING = `mutation ($quote: UUID!, $key: String!) {
  createBooking(input: { quoteId: $quote, idempotencyKey: $key }) { booking { id status } } }`;
const ACT = (name: string): string => `mutation ($id: UUID!, $key: String!) {
  ${name}(input: { bookingId: $id, idempotencyKey: $key }) { booking { id status } } }`;
const REFUND = `mutation ($id: UUID!, $key: String!) {
  refundBooking(input: { bookingId: $id, idempotencyKey: $key, amount: "500", currency: "EUR",
    reason: "A gesture." }) { booking { id status } } }`;
const BLOCK = `mutation ($listing: UUID!, $from: Date!, $to: Date!) {
  blockNights(input: { listingId: $listing, startsOn: $from, endsBefore: $to }) {
    clientMutationId } }`;
const PROPOSE = `mutation ($id: UUID!, $key: String!, $in: Date!, $out: Date!, $charge: Boolean!) {
  proposeAlteration(input: { bookingId: $id, idempotencyKey: $key, checkIn: $in, checkOut: $out,
    guests: 1, chargeSavedCard: $charge }) { alteration { id status } } }`;
const ACCEPT_ALTERATION = `mutation ($id: UUID!, $key: String!) {
  acceptAlteration(input: { alterationId: $id, idempotencyKey: $key }) { alteration { id status } } }`;
const BOOKINGS = `{ bookings(first: 50, orderBy: ID_DESC) { nodes {
  id status checkIn checkOut alterations { id status proposedBy } } } }`;

interface Seen {
  readonly id: string;
  readonly status: string;
  readonly checkIn: string;
  readonly checkOut: string;
  readonly alterations: readonly { id: string; status: string; proposedBy: string }[];
}

/** One person who acts until `isOver`. */
export async function act(
  stage: Stage,
  world: World,
  history: History,
  draw: Draw,
  name: string,
  isOver: () => boolean,
): Promise<void> {
  const person = new Person(stage, world, history, draw, name);
  while (!isOver()) {
    await person.step();
    await sleep(draw.integer(5, 60));
  }
}

/** What a guest pays with. */
export interface Intent {
  readonly id: string;
  readonly secret: string;
}

const GOOD_CARD = "4242424242424242";

/** As the guest's browser does; it may fail, as a browser does. */
export async function payIntent(
  { stripe }: Stage,
  { id, secret }: Intent,
  card = GOOD_CARD,
): Promise<void> {
  await fetch(`${stripe.url}/pay/${id}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ client_secret: secret, card }),
  }).catch(() => undefined);
}

export class Person {
  readonly #stage: Stage;
  readonly #world: World;
  readonly #history: History;
  readonly #draw: Draw;
  readonly #name: string;
  readonly #userId: string;
  readonly #isHost: boolean;
  readonly #sessionId = randomUUID();
  #seen: readonly Seen[] = [];

  constructor(stage: Stage, world: World, history: History, draw: Draw, name: string) {
    [this.#stage, this.#world, this.#history, this.#draw] = [stage, world, history, draw];
    this.#name = name;
    this.#isHost = name.startsWith("host");
    const guest = world.guests[Number(name.split(" ")[1]) % world.guests.length] ?? "";
    this.#userId = this.#isHost ? world.host : guest;
  }

  async step(): Promise<void> {
    await this.#look();
    const acts = this.#isHost
      ? [this.#answer, this.#answer, this.#block, this.#cancel, this.#alter, this.#refund]
      : [
          ...[this.#book, this.#book, this.#book, this.#pay, this.#pay],
          ...[this.#cancel, this.#alter, this.#changeMind],
        ];
    await this.#draw.one(acts).call(this);
  }

  #client(role: "visitor" | "operator" = "visitor"): Client {
    const userId = role === "operator" ? this.#world.operator : this.#userId;
    const tokens = createTokens(this.#stage.config);
    const { token } = tokens.signAccessToken({ userId, sessionId: this.#sessionId, role });
    return apiClient(this.#draw.one(this.#stage.servers).url ?? "", token);
  }

  async #look(): Promise<void> {
    try {
      const { bookings } = await this.#client().query<{ bookings: { nodes: Seen[] } }>(BOOKINGS);
      this.#seen = bookings.nodes;
    } catch {
      // Whoever cannot read goes on with what they know.
    }
  }

  /** A mutation, and at random the same once more, as an app repeats what it got no answer to. */
  async #mutate(
    operation: string,
    query: string,
    variables: Record<string, unknown>,
    role: "visitor" | "operator" = "visitor",
  ): Promise<string | undefined> {
    const times = this.#draw.one([1, 1, 1, 2]);
    let id: string | undefined;
    for (let time = 0; time < times; time += 1) {
      if (time > 0) this.#history.meet("key repeated");
      id = (await this.#send(operation, query, variables, role)) ?? id;
    }
    return id;
  }

  async #send(
    operation: string,
    query: string,
    variables: Record<string, unknown>,
    role: "visitor" | "operator",
  ): Promise<string | undefined> {
    const startedAt = Date.now();
    const key = typeof variables.key === "string" ? variables.key : undefined;
    const about = typeof variables.id === "string" ? variables.id : undefined;
    const note = (more: object): void =>
      this.#history.add({
        ...{ client: this.#name, operation, key, outcome: "unknown", code: undefined, id: about },
        ...{ status: undefined, startedAt, endedAt: Date.now() },
        ...more,
      });
    try {
      const { data, errors } = await this.#client(role).send<
        Record<string, Record<string, unknown>>
      >(query, variables);
      const code = errors[0]?.extensions?.code;
      if (errors.length > 0) {
        const isKnown = code !== undefined && !["INTERNAL", "UNAVAILABLE"].includes(code);
        note({ outcome: isKnown ? "refused" : "unknown", code });
        if (code === "DATES_UNAVAILABLE") this.#history.meet("conflict");
        return undefined;
      }
      const row = Object.values(Object.values(data ?? {})[0] ?? {}).find(
        (value): value is { id: string; status: string } =>
          typeof value === "object" && value !== null,
      );
      note({ outcome: "ok", id: row?.id ?? about, status: row?.status });
      return row?.id;
    } catch {
      note({});
      return undefined;
    }
  }

  async #book(): Promise<void> {
    const from = FIRST + this.#draw.integer(0, NIGHTS - 1);
    const listing = this.#draw.one(this.#world.listings);
    const id = await this.take({ listing, from, nights: this.#draw.integer(1, 3) });
    if (id !== undefined && this.#draw.integer(1, 10) <= 8) await this.#payFor(id);
  }

  /** Quotes and books nights; the booking, where they were free. */
  async take({ listing, from, nights }: Nights): Promise<string | undefined> {
    const stay = { in: day(from), out: day(from + nights) };
    const quote = await this.#mutate("quote", CREATE_QUOTE, { listing, ...stay });
    if (quote === undefined) return undefined;
    return await this.#mutate("book", CREATE_BOOKING, { quote, key: randomUUID() });
  }

  async #pay(): Promise<void> {
    const due = this.#seen.filter(
      ({ status, alterations }) =>
        status === "PENDING_PAYMENT" || alterations.some((one) => one.status === "ACCEPTED"),
    );
    if (due.length > 0) await this.#payFor(this.#draw.one(due).id);
  }

  async #payFor(id: string): Promise<void> {
    const intent = await this.askToPay(id);
    if (intent === undefined) return;
    await sleep(this.#draw.one([0, 0, 100, 1500]));
    const cards = [GOOD_CARD, GOOD_CARD, "4000000000000002"];
    await payIntent(this.#stage, intent, this.#draw.one(cards));
  }

  async askToPay(id: string): Promise<Intent | undefined> {
    const startedAt = Date.now();
    const key = randomUUID();
    const note = (more: object): void =>
      this.#history.add({
        ...{
          client: this.#name,
          operation: "ask to pay",
          key,
          outcome: "unknown",
          code: undefined,
        },
        ...{ id, status: undefined, startedAt, endedAt: Date.now() },
        ...more,
      });
    try {
      const { status, body } = await this.#client().post(
        `/v1/bookings/${id}/payment`,
        { savePaymentMethod: this.#draw.integer(0, 1) === 0 },
        { "idempotency-key": key },
      );
      note({
        outcome: status === 200 ? "ok" : status < 500 ? "refused" : "unknown",
        code: typeof body.code === "string" ? body.code : undefined,
      });
      if (status !== 200) return undefined;
      return { id: String(body.stripePaymentIntentId), secret: String(body.clientSecret) };
    } catch {
      note({});
      return undefined;
    }
  }

  async #cancel(): Promise<void> {
    const open = this.#seen.filter(({ status }) =>
      ["CONFIRMED", "PENDING_PAYMENT", "REQUESTED"].includes(status),
    );
    if (open.length < 4) return;
    const { id } = this.#draw.one(open);
    await this.#mutate("cancel", ACT("cancelBooking"), { id, key: randomUUID() });
  }

  async #changeMind(): Promise<void> {
    const due = this.#seen.filter(({ status }) => status === "PENDING_PAYMENT");
    if (due.length > 0) await this.payAndCancel(this.#draw.one(due).id);
  }

  /** Pays, and cancels while the news of the money is on its way. */
  async payAndCancel(id: string): Promise<void> {
    const intent = await this.askToPay(id);
    if (intent === undefined) return;
    await payIntent(this.#stage, intent);
    await sleep(this.#draw.integer(0, 800));
    await this.#mutate("cancel", ACT("cancelBooking"), { id, key: randomUUID() });
  }

  async #answer(): Promise<void> {
    const asked = this.#seen.filter(({ status }) => status === "REQUESTED");
    if (asked.length === 0) return;
    const name = this.#draw.one(["acceptBooking", "acceptBooking", "declineBooking"]);
    const { id } = this.#draw.one(asked);
    await this.#mutate(name === "acceptBooking" ? "accept" : "decline", ACT(name), {
      id,
      key: randomUUID(),
    });
  }

  async #alter(): Promise<void> {
    const open = this.#seen.flatMap(({ alterations }) =>
      alterations.filter(
        ({ status, proposedBy }) =>
          status === "PROPOSED" && (proposedBy === "HOST") !== this.#isHost,
      ),
    );
    if (open.length > 0) {
      const { id } = this.#draw.one(open);
      await this.#mutate("accept change", ACCEPT_ALTERATION, { id, key: randomUUID() });
      return;
    }
    const sold = this.#seen.filter(({ status }) => status === "CONFIRMED");
    if (sold.length === 0) return;
    const { id, checkIn, checkOut } = this.#draw.one(sold);
    const moved = new Date(Date.parse(checkOut) + this.#draw.one([-1, 1, 2]) * 86_400_000);
    const out = moved.toISOString().slice(0, 10);
    if (out <= checkIn) return;
    const charge = !this.#isHost && this.#draw.integer(0, 1) === 0;
    const change = { id, key: randomUUID(), in: checkIn, out, charge };
    await this.#mutate("propose change", PROPOSE, change);
  }

  async #block(): Promise<void> {
    if (this.#draw.integer(1, 8) > 1) return;
    const from = FIRST + this.#draw.integer(0, NIGHTS - 1);
    const listing = this.#draw.one(this.#world.listings);
    await this.#send("block", BLOCK, { listing, from: day(from), to: day(from + 1) }, "visitor");
  }

  async #refund(): Promise<void> {
    const sold = this.#seen.filter(({ status }) => status === "CONFIRMED");
    if (sold.length === 0) return;
    const { id } = this.#draw.one(sold);
    await this.#mutate("refund", REFUND, { id, key: randomUUID() }, "operator");
  }
}
