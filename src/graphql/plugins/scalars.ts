/**
 * Reads dates, times, numbers and ids strictly. As text they would reach PostgreSQL, which takes
 * "today" and "04/05/26" for dates, and says of nonsense no more than that it is some; here a
 * client is told what to write, and where, before anything runs.
 */
import "postgraphile";
import { type ASTNode, GraphQLError, type GraphQLScalarTypeConfig } from "postgraphile/graphql";

interface Reading {
  readonly accepts: (text: string) => boolean;
  readonly sentence: string;
  readonly write?: (text: string) => string;
  readonly description?: string;
}

/** As PostgreSQL reads one, with hyphens or without. */
const UUID = /^[\da-f]{8}-?([\da-f]{4}-?){3}[\da-f]{12}$/i;

const READINGS: Readonly<Record<string, Reading>> = {
  Date: {
    // The ends of the calendar are for the database to judge, which says why they are no stay.
    accepts: (text) => /^-?infinity$/.test(text) || isDay(text),
    sentence: 'Write a date as "2026-12-31".',
  },
  Datetime: {
    accepts: (text) =>
      /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(text) && !Number.isNaN(Date.parse(text)),
    sentence: 'Write an instant as "2026-12-31T23:59:00Z".',
  },
  Time: {
    accepts: (text) => /^([01]\d|2[0-3]):[0-5]\d$/.test(text),
    sentence: 'Write a time of day as "15:00".',
    // PostgreSQL writes seconds, too.
    write: (text) => text.slice(0, "15:00".length),
    description: "A local time of day in hours and minutes, such as `15:00`.",
  },
  BigInt: {
    accepts: (text) => /^[+-]?\d{1,19}$/.test(text),
    sentence: 'Write a whole number as text, such as "25000".',
  },
  BigFloat: {
    accepts: (text) => /^[+-]?(\d{1,100}(\.\d{0,100})?|\.\d{1,100})$/.test(text),
    sentence: 'Write a number as text, such as "1.5".',
  },
  UUID: {
    accepts: (text) => UUID.test(text),
    sentence: 'Write an id as "01a216ab-fd91-78a4-92fb-4cf58d85e9e5".',
  },
};

/** Refuses texts that are no date, instant or number, and says how to write one. */
export const ScalarsPlugin: GraphileConfig.Plugin = {
  name: "StaybaseScalarsPlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      GraphQLScalarType(config) {
        const reading = READINGS[config.name];
        return reading === undefined ? config : strict(config, reading);
      },
    },
  },
};

type Config = GraphQLScalarTypeConfig<unknown, unknown>;

function strict<T extends Config>(config: T, reading: Reading): T {
  const { accepts, sentence, write, description } = reading;
  const { parseValue, parseLiteral, serialize } = config;
  const check = <V>(value: V, node?: ASTNode): V => {
    if (typeof value === "string" && !accepts(value)) {
      throw new GraphQLError(sentence, { nodes: node ?? null });
    }
    return value;
  };
  return {
    ...config,
    ...(description && { description }),
    ...(write && { serialize: (value: unknown) => write(String(serialize?.(value) ?? value)) }),
    ...(parseValue && { parseValue: (value: unknown) => parseValue(check(value)) }),
    ...(parseLiteral && {
      parseLiteral: (...[node, variables]: Parameters<typeof parseLiteral>) => {
        if (node.kind === "StringValue") check(node.value, node);
        return check(parseLiteral(node, variables), node);
      },
    }),
  };
}

/** Whether a text is a day that the calendar has: the 30th of February is none. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.valueOf()) && date.toISOString().startsWith(text);
}
