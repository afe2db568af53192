/**
 * Decides which currency the prices of a city are in. The files do not say: they write `$` in front
 * of every price, whatever it is, and the amounts are in the currency of the place.
 */
import { DatabaseCommandError } from "../shared/errors.ts";
import type { Minor } from "./text.ts";

/** A currency that the marketplace trades in. */
export interface Currency extends Minor {
  readonly code: string;
}

/** Where each is what people pay with; those of sql/foundation/currencies.sql alone. */
export const COUNTRIES_OF: Readonly<Record<string, string>> = {
  AED: "AE",
  AUD: "AU",
  BRL: "BR",
  CAD: "CA",
  CHF: "CH LI",
  CZK: "CZ",
  DKK: "DK FO GL",
  EUR:
    "AD AT AX BE BL CY DE EE ES FI FR GF GP GR HR IE IT LT LU LV MC ME MF MQ MT NL PM PT RE SI " +
    "SK SM VA XK YT",
  GBP: "GB GG IM JE",
  HKD: "HK",
  HUF: "HU",
  INR: "IN",
  ISK: "IS",
  JPY: "JP",
  KRW: "KR",
  KWD: "KW",
  MXN: "MX",
  NOK: "NO SJ",
  NZD: "NZ",
  PLN: "PL",
  SEK: "SE",
  SGD: "SG",
  THB: "TH",
  TND: "TN",
  TRY: "TR",
  UGX: "UG",
  USD: "AS EC GU MP PR SV US VG VI",
  ZAR: "ZA",
};

/**
 * The currency that a person says, else that of the country.
 * @throws {DatabaseCommandError} where it is not traded, or none is known for the country
 */
export function chooseCurrency(
  traded: readonly Currency[],
  said: string | undefined,
  countryCode: string,
): { readonly currency: Currency; readonly why: string } {
  if (said !== undefined) return { currency: requireTraded(traded, said), why: "--currency" };
  const found = Object.entries(COUNTRIES_OF).find(([, countries]) =>
    countries.split(" ").includes(countryCode),
  );
  const currency = traded.find(({ code }) => code === found?.[0]);
  if (currency !== undefined) {
    return { currency, why: `that of ${countryCode}, for the files name none; --currency` };
  }
  throw new DatabaseCommandError(
    "The files do not name the currency of their prices, and none that is traded here is known " +
      `for ${countryCode}. Say with --currency which one it is: ${codes(traded)}.`,
  );
}

/**
 * The currency of that code.
 * @throws {DatabaseCommandError} where the marketplace does not trade in it
 */
export function requireTraded(traded: readonly Currency[], code: string): Currency {
  const currency = traded.find((one) => one.code === code);
  if (currency !== undefined) return currency;
  throw new DatabaseCommandError(
    `${code} is not traded here. Give --currency one of ${codes(traded)}.`,
  );
}

function codes(traded: readonly Currency[]): string {
  return traded.map(({ code }) => code).join(", ");
}
