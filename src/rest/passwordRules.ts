/**
 * Which passwords are taken: long enough, not one that everybody tries first, and not the person's
 * own name or address. There are no rules about kinds of characters: they make passwords worse.
 */
import { dictionary } from "@zxcvbn-ts/language-common";
import { ApiError } from "../errors.ts";

/** How many characters a password has, as people count them. */
const LENGTH = { least: 8, most: 128 };

/** Some 49,000 that were found in breaches, the most common first. */
const COMMON: ReadonlySet<string> = new Set(dictionary["passwords-common"]);

/** What of a person must not be their password. */
export interface Own {
  readonly email?: string | undefined;
  readonly name?: string | undefined;
}

/**
 * Passes a password that is good enough, or says why it is not.
 * @throws {ApiError} INVALID_INPUT
 */
export function checkPassword(password: string, own: Own, field = "password"): void {
  const problem = problemOf(password, own);
  if (problem === undefined) return;
  throw new ApiError("INVALID_INPUT", problem, { fields: [field] });
}

function problemOf(password: string, { email = "", name = "" }: Own): string | undefined {
  const length = [...password].length;
  if (length < LENGTH.least || length > LENGTH.most) {
    return `A password has ${LENGTH.least} to ${LENGTH.most} characters. This one has ${length}.`;
  }
  if (/\p{Cc}/u.test(password)) return "A password has no control characters.";
  const plain = plainOf(password);
  if (new Set(plain).size < 3) return "This password repeats a character or two. Choose another.";
  if (COMMON.has(plain)) {
    return "This password is one of those that are tried first. Four words make a good one.";
  }
  const [local = ""] = email.split("@");
  if ([email, local, name].some((own) => own !== "" && plainOf(own) === plain)) {
    return "This password is your own name or address. Choose another.";
  }
  return undefined;
}

/** Without what a person would not call a difference. */
const plainOf = (text: string): string => text.normalize("NFKC").trim().toLowerCase();
