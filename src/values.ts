/** Reads values whose type nobody has checked yet: parsed JSON, and what libraries throw. */

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member of any object, such as an error; `undefined` where there is none. */
export function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** A member that is a text and not empty. */
export function textIn(value: unknown, name: string): string | undefined {
  const found = memberOf(value, name);
  return typeof found === "string" && found !== "" ? found : undefined;
}

/** A member that is a whole number. */
export function numberIn(value: unknown, name: string): number | undefined {
  const found = memberOf(value, name);
  return typeof found === "number" && Number.isInteger(found) ? found : undefined;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A member that is a UUID; `null` where it is anything else, for a parameter of a statement. */
export function uuidIn(value: unknown, name: string): string | null {
  const found = textIn(value, name);
  return found !== undefined && UUID.test(found) ? found : null;
}
