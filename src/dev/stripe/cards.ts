/**
 * Stripe's test cards that the simulator knows and what each of them does.
 * It only describes: payments.ts acts on it.
 */
import { invalid, missing, SimulatedError } from "./errors.ts";

/** Why a bank refuses: `code` and `declineCode` are Stripe's. */
export interface Decline {
  code: string;
  declineCode?: string;
  message: string;
}

/** One test card: its number, its `pm_card_...` names, and its behaviour when charged. */
export interface TestCard {
  number: string;
  names: string[];
  /** What a person reads on the pay page. */
  label: string;
  brand: "visa" | "mastercard";
  /** The bank asks for 3-D Secure: of each payment, or of none that is made without the guest. */
  authenticate?: "always" | "unless saved";
  decline?: Decline;
  /** What becomes of a refund: created pending then succeeded, or succeeded then failed. */
  refund?: "pending" | "fails";
}

const declined = (declineCode: string, message = "Your card was declined."): Decline => ({
  code: "card_declined",
  declineCode,
  message,
});
const INSUFFICIENT = declined("insufficient_funds", "Your card has insufficient funds.");

/** In the order of the buttons on the pay page. */
export const TEST_CARDS: readonly TestCard[] = [
  { number: "4242424242424242", names: ["pm_card_visa"], label: "Succeeds", brand: "visa" },
  {
    number: "5555555555554444",
    names: ["pm_card_mastercard"],
    label: "Succeeds (Mastercard)",
    brand: "mastercard",
  },
  {
    number: "4000002500003155",
    names: ["pm_card_authenticationRequiredOnSetup"],
    label: "Asks for 3-D Secure, but not of a saved card",
    brand: "visa",
    authenticate: "unless saved",
  },
  {
    number: "4000002760003184",
    names: ["pm_card_authenticationRequired"],
    label: "Asks for 3-D Secure each time",
    brand: "visa",
    authenticate: "always",
  },
  {
    number: "4000008260003178",
    names: ["pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"],
    label: "Asks for 3-D Secure, then insufficient funds",
    brand: "visa",
    authenticate: "always",
    decline: INSUFFICIENT,
  },
  {
    number: "4000000000000002",
    names: ["pm_card_chargeDeclined", "pm_card_visa_chargeDeclined"],
    label: "Declined",
    brand: "visa",
    decline: declined("generic_decline"),
  },
  {
    number: "4000000000009995",
    names: [
      "pm_card_chargeDeclinedInsufficientFunds",
      "pm_card_visa_chargeDeclinedInsufficientFunds",
    ],
    label: "Insufficient funds",
    brand: "visa",
    decline: INSUFFICIENT,
  },
  {
    number: "4000000000000069",
    names: ["pm_card_chargeDeclinedExpiredCard", "pm_card_visa_chargeDeclinedExpiredCard"],
    label: "Expired card",
    brand: "visa",
    decline: { code: "expired_card", message: "Your card has expired." },
  },
  {
    number: "4000000000000119",
    names: ["pm_card_chargeDeclinedProcessingError", "pm_card_visa_chargeDeclinedProcessingError"],
    label: "Processing error",
    brand: "visa",
    decline: {
      code: "processing_error",
      message: "An error occurred while processing your card. Try again in a little bit.",
    },
  },
  {
    number: "4000000000007726",
    names: ["pm_card_pendingRefund"],
    label: "Succeeds; its refund is pending first",
    brand: "visa",
    refund: "pending",
  },
  {
    number: "4000000000005126",
    names: ["pm_card_refundFail"],
    label: "Succeeds; its refund fails later",
    brand: "visa",
    refund: "fails",
  },
];

/** The card of a `pm_card_...` or `tok_...` name; 404 resource_missing for another one. */
export function cardByName(name: string): TestCard {
  const wanted = name.replace(/^tok_/, "pm_card_");
  const card = TEST_CARDS.find((each) => each.names.includes(wanted));
  if (!card) throw missing("PaymentMethod", name, "payment_method");
  return card;
}

/** The card of a number, spaces allowed; 402 incorrect_number for one that is no test card. */
export function cardByNumber(number: string): TestCard {
  const digits = number.replaceAll(/[ -]/g, "");
  const card = TEST_CARDS.find((each) => each.number === digits);
  if (card) return card;
  const message = "Your card number is incorrect: it is none of the test cards.";
  throw new SimulatedError(402, { type: "card_error", code: "incorrect_number", message });
}

/** The card that a stored payment method was made from: the last four digits are all different. */
export function cardByLast4(last4: string | null | undefined): TestCard {
  const card = TEST_CARDS.find((each) => each.number.slice(-4) === last4);
  if (!card) throw invalid(`No test card ends in ${last4}.`);
  return card;
}
