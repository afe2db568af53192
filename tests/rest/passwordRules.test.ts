/** Which passwords and addresses are taken: as few rules as protect, each with its reason. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { emailAddress } from "../../src/rest/body.ts";
import { checkPassword } from "../../src/rest/passwordRules.ts";

const OWN = { email: "grace.hopper@navy.example", name: "Grace Brewster Hopper" };

const refusal = (password: string): string | undefined => {
  try {
    checkPassword(password, OWN);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

describe("a password", () => {
  test.each([
    ["seven characters", "abcd123", /8 to 128 characters. This one has 7/],
    ["a hundred and twenty-nine", `${"ab".repeat(64)}c`, /This one has 129/],
    ["seven that are written with more bytes", "🏠🏡🏠🏡🏠🏡🏨", /This one has 7/],
    ["NUL", "correct\u0000horse", /control characters/],
    ["ten blanks", " ".repeat(10), /repeats/],
    ["one letter", "aaaaaaaaaaaa", /repeats/],
    ["two letters", "abababababab", /repeats/],
    ["what everybody tries", "1234567890", /tried first/],
    ["the same in capitals and full width", "ＰＡＳＳＷＯＲＤ", /tried first/],
    ["the address", "Grace.Hopper@navy.example", /own name or address/],
    ["the address before its sign", "grace.hopper", /own name or address/],
    ["the name", "grace brewster hopper ", /own name or address/],
  ])("of %s is refused", (_what, password, reason) => {
    expect(refusal(password)).toMatch(reason);
  });

  test.each([
    ["eight characters", "tr0ub4do"],
    ["a hundred and twenty-eight", "correct horse battery staple ".repeat(5).slice(0, 128)],
    ["emoji", "🏠🏡🏢🏣🏤🏥🏨🏪"],
    ["letters of any script", "четыре случайных слова"],
  ])("of %s is taken", (_what, password) => {
    expect(refusal(password)).toBeUndefined();
  });

  test("that is random is taken, whatever it is made of", () => {
    const password = fc.string({ unit: "grapheme", minLength: 20, maxLength: 60 });
    fc.assert(
      fc.property(password, (each) => {
        fc.pre(new Set(each.normalize("NFKC").trim().toLowerCase()).size > 3);
        fc.pre(!/\p{Cc}/u.test(each) && [...each].length <= 128);
        expect(refusal(each)).toBeUndefined();
      }),
    );
  });
});

const address = (email: string): string | undefined => {
  try {
    return emailAddress({ email });
  } catch {
    return undefined;
  }
};

describe("an address", () => {
  test.each([
    ["blanks around it and capitals", " Mbx@Audit.Example ", "mbx@audit.example"],
    ["a domain in full-width letters", "mbx@ａｕｄｉｔ.example", "mbx@audit.example"],
    ["a domain with an ideographic full stop", "mbx@audit。example", "mbx@audit.example"],
    ["an international domain", "mbx@Bücher.example", "mbx@xn--bcher-kva.example"],
    ["the same, decomposed", "mbx@bu\u0308cher.example", "mbx@xn--bcher-kva.example"],
    ["the same, as mail servers have it", "mbx@XN--BCHER-KVA.example", "mbx@xn--bcher-kva.example"],
  ])("with %s has one spelling", (_what, typed, stored) => {
    expect(address(typed)).toBe(stored);
  });

  test.each([
    ["a zero width space at its end", "mbx@audit.example\u200b"],
    ["a zero width space", "m\u200bbx@audit.example"],
    ["a soft hyphen in the domain", "mbx@au\u00addit.example"],
    ["a word joiner", "mbx\u2060@audit.example"],
    ["a variation selector", "mbx\ufe0f@audit.example"],
    ["a direction mark", "mbx\u202e@audit.example"],
    ["NUL", "mbx\u0000@audit.example"],
    ["full-width letters before its sign", "ｍｂｘ@audit.example"],
    ["a ligature", "ﬁnn@audit.example"],
    ["no domain", "mbx@"],
    ["no sign", "mbx"],
  ])("with %s is refused", (_what, typed) => {
    expect(address(typed)).toBeUndefined();
  });

  test("is the same when it is written again", () => {
    const typed = fc.oneof(
      fc.emailAddress(),
      fc.tuple(fc.string({ unit: "grapheme" }), fc.domain()).map((parts) => parts.join("@")),
    );
    fc.assert(
      fc.property(typed, (each) => {
        const once = address(each);
        fc.pre(once !== undefined);
        expect(address(once ?? "")).toBe(once);
        const capitals = (once ?? "").replaceAll(/[a-z]/g, (letter) => letter.toUpperCase());
        expect(address(capitals)).toBe(once);
        expect(once).toMatch(/@[a-z0-9.-]+$/);
      }),
    );
  });
});
