/** What our mails say. Plain text: it reads everywhere, and nothing in it can be markup. */

export interface MailText {
  readonly subject: string;
  readonly text: string;
}

/**
 * The answer to a registration. It holds nothing that was typed in: anybody can register another's
 * address, and would choose the words of a mail that we send.
 */
export function registrationMail(facts: {
  readonly hasAccount: boolean;
  readonly link: string;
}): MailText {
  if (facts.hasAccount) {
    return {
      subject: "You already have a Staybase account",
      text: `Hello,

somebody, perhaps you, asked for a Staybase account with this address. It has one already: just
log in. If it was not you, there is nothing to do.
`,
    };
  }
  return {
    subject: "Confirm your e-mail address",
    text: `Hello,

somebody, perhaps you, asked for a Staybase account with this address. If it was you, open

${facts.link}

in the browser in which you registered; elsewhere, the page asks for the password that you chose.
The link works once, for an hour. If it was not you, ignore this mail: there will be no account.
`,
  };
}

/** For who has forgotten their password; nothing in it was typed in by whoever asked. */
export function passwordResetMail(link: string): MailText {
  return {
    subject: "Choose a new password",
    text: `Hello,

somebody, perhaps you, has forgotten the password of the Staybase account with this address. To
choose a new one, open

${link}

The link works once, for an hour. It signs out everybody who is signed in to the account. If it was
not you, ignore this mail: the password stays as it is.
`,
  };
}

/** To the address that shall be the new one. */
export function emailChangeMail(link: string): MailText {
  return {
    subject: "Confirm your new e-mail address",
    text: `Hello,

somebody, perhaps you, wants to use this address for their Staybase account. If it was you, open

${link}

The link works once, for an hour. If it was not you, ignore this mail: nothing changes.
`,
  };
}

/** To who asked for their data. */
export function exportMail(link: string): MailText {
  return {
    subject: "Your data are ready",
    text: `Hello,

you asked for the data of your Staybase account. To download them, open

${link}

The link works for 24 hours, for whoever has it: pass it on to nobody. If it was not you who asked,
somebody else has been in your account: choose a new password by "forgotten password" on the
sign-in page.
`,
  };
}

/** What has changed, for the person, at the address that they had then. */
export function noticeMail(kind: NoticeKind, displayName: string): MailText {
  const [subject, what] = NOTICES[kind];
  if (kind === "account_closed") return { subject, text: what };
  return {
    subject,
    text: `Hello ${displayName},

${what}
${NOT_BY_THE_PERSON.has(kind) ? "" : WARNING}`,
  };
}

export type NoticeKind = keyof typeof NOTICES;

/** What the marketplace does itself. */
const NOT_BY_THE_PERSON: ReadonlySet<NoticeKind> = new Set(["suspended", "reinstated"]);

const WARNING = `
If it was not you, somebody else has been in your account: choose a new password by "forgotten
password" on the sign-in page, and write to us if that does not help.
`;

const NOTICES = {
  password_changed: [
    "Your password has changed",
    "the password of your Staybase account has changed, and all other devices were signed out.",
  ],
  email_changed: [
    "Your e-mail address has changed",
    `your Staybase account has another e-mail address from now on. We write to this one for the
last time.`,
  ],
  factor_enabled: [
    "Your second factor is on",
    `signing in to your Staybase account asks for a code of your authenticator app from now on, and
all other devices were signed out. Keep the recovery codes where you find them without your phone.`,
  ],
  factor_disabled: [
    "Your second factor is off",
    "signing in to your Staybase account asks for the password alone from now on.",
  ],
  recovery_code_used: [
    "A recovery code was used",
    `a recovery code of your Staybase account was used instead of your second factor. It does not
work again; get new ones before they run out.`,
  ],
  identity_linked: [
    "A way to sign in was added",
    `an account of yours elsewhere, such as that of Google, signs you in to Staybase from now on.`,
  ],
  identity_removed: [
    "A way to sign in was removed",
    `an account of yours elsewhere, such as that of Google, signs you in to Staybase no longer.`,
  ],
  suspended: [
    "Your account is suspended",
    `your Staybase account is suspended: you cannot sign in, and your listings are paused. Your
bookings stand. Write to us if you think that this is wrong.`,
  ],
  reinstated: [
    "Your account is yours again",
    `you can sign in to your Staybase account again. Listings of yours are still paused: publish
them when you like.`,
  ],
  /** A whole mail: there is no name to greet any more, and no account to look after. */
  account_closed: [
    "Your account is closed",
    `Hello,

your Staybase account is closed, and what said who you are is erased. Those who stayed with you or
had you as a guest still see the stays, of a "Former member". This is our last mail to you.

If it was not you who asked for it, write to us.
`,
  ],
} as const;

/** Who comes: how many of each. */
export interface Party {
  readonly adults: number;
  readonly children: number;
  readonly infants: number;
  readonly pets: number;
}

const PARTY_WORDS: Readonly<Record<keyof Party, readonly [one: string, more: string]>> = {
  adults: ["adult", "adults"],
  children: ["child", "children"],
  infants: ["infant", "infants"],
  pets: ["pet", "pets"],
};

/** As "2 adults, 1 child". */
function describeParty(party: Partial<Party>): string {
  const kinds = Object.keys(PARTY_WORDS) as (keyof Party)[];
  return kinds
    .filter((kind) => (party[kind] ?? 0) > 0)
    .map((kind) => `${party[kind]} ${PARTY_WORDS[kind][party[kind] === 1 ? 0 : 1]}`)
    .join(", ");
}

/** A row of app_private.mail_to_send(). Dates are ISO; amounts are minor units. */
export interface BookingMailFacts {
  readonly display_name: string;
  readonly other_name: string;
  readonly booking_id: string;
  readonly listing_title: string;
  readonly city: string;
  readonly check_in: string;
  readonly check_out: string;
  readonly party: Party;
  readonly currency: string;
  readonly exponent: number;
  readonly total_amount: string;
  readonly host_amount: string;
  readonly street: string | null;
  readonly cancelled_by: string | null;
  readonly cancellation_reason: string | null;
  readonly kept_host_amount: string | null;
  /** What the refund gives back that the mail is about, or the cancellation in all. */
  readonly refund_amount: string | null;
  readonly refund_reason: string | null;
  /** Of the booking now, with what was said about it. */
  readonly status: string;
  readonly status_reason: string;
  /** The local time where the listing is, with its zone; null for what is booked at once. */
  readonly answer_due: string | null;
  /** What a change of the stay that the mail is about shall bring. */
  readonly new_check_in: string | null;
  readonly new_check_out: string | null;
  readonly new_party: Partial<Party>;
  readonly difference_amount: string | null;
  readonly alteration_reason: string | null;
  /** The local time until which it is accepted or paid, with its zone. */
  readonly pay_until: string | null;
}

/** The mail of a kind that the table mails knows; `link` leads to the booking. */
export function bookingMail(kind: string, facts: BookingMailFacts, link: string): MailText {
  const mail = BOOKING_MAILS[kind];
  if (mail === undefined) throw new Error(`There is no mail of kind ${kind}.`);
  const { subject, body } = mail(facts);
  return {
    subject,
    text: `Hello ${facts.display_name},

${body}

${facts.listing_title}, ${facts.city}
${facts.check_in} to ${facts.check_out}, ${describeParty(facts.party)}
Booking ${facts.booking_id}

${link}
`,
  };
}

/** By kind: what stands between the greeting and the stay. */
const BOOKING_MAILS: Readonly<
  Record<string, (facts: BookingMailFacts) => { readonly subject: string; readonly body: string }>
> = {
  booking_confirmed_guest: (facts) => ({
    subject: `Your stay in ${facts.city} is confirmed`,
    body: `your stay is confirmed and paid: ${formatAmount(facts.total_amount, facts)}.

Host: ${facts.other_name}
Address: ${facts.street ?? "ask your host"}`,
  }),
  booking_confirmed_host: (facts) => ({
    subject: `${facts.other_name} booked ${facts.listing_title}`,
    body: `${facts.other_name} has booked and paid.
You earn ${formatAmount(facts.host_amount, facts)}.`,
  }),
  booking_requested_guest: (facts) => ({
    subject: `You have asked for a stay in ${facts.city}`,
    body: `${facts.other_name} has until ${facts.answer_due} to answer.
Your bank has set aside ${formatAmount(facts.total_amount, facts)}. You pay when your host accepts,
and nothing otherwise.`,
  }),
  booking_requested_host: (facts) => ({
    subject: `${facts.other_name} asks for a stay in ${facts.listing_title}`,
    body: `${facts.other_name} would like to stay.
You earn ${formatAmount(facts.host_amount, facts)}.
Accept or decline until ${facts.answer_due}; after that the nights are free again.`,
  }),
  request_ended_guest: (facts) => ({
    subject: `Your stay in ${facts.city} was not confirmed`,
    body: `${requestEnded(facts)}
You pay nothing for it. Your bank may take some days to show that.`,
  }),
  request_ended_host: (facts) => ({
    subject: `The request of ${facts.other_name} has ended`,
    body: `${requestEnded(facts)}
The nights are free again.`,
  }),
  alteration_proposed: (facts) => ({
    subject: `${facts.other_name} proposes another stay in ${facts.city}`,
    body: `${facts.other_name} proposes: ${newStay(facts)}.
${difference(facts)} Accept or decline until ${facts.pay_until}. The stay as it is:`,
  }),
  alteration_accepted: (facts) => ({
    subject: `Pay to change your stay in ${facts.city}`,
    body: `the change is accepted: ${newStay(facts)}.
${difference(facts)} Pay it until ${facts.pay_until}; the stay changes then. The stay as it is:`,
  }),
  alteration_not_charged: (facts) => ({
    subject: `Pay to change your stay in ${facts.city}`,
    body: `the change is accepted: ${newStay(facts)}.
Your saved card could not be charged: there may be none, or your bank wants to ask you first.
${difference(facts)} Pay it until ${facts.pay_until}; the stay changes then. The stay as it is:`,
  }),
  alteration_applied: (facts) => ({
    subject: `The stay in ${facts.city} has changed`,
    body: `the stay is now: ${newStay(facts)}. ${difference(facts)}`,
  }),
  alteration_ended: (facts) => ({
    subject: `The stay in ${facts.city} remains as it is`,
    body: `this change has ended: ${newStay(facts)}.
${facts.alteration_reason ?? ""}
The stay remains as it is:`,
  }),
  no_show_guest: (facts) => ({
    subject: `Your host in ${facts.city} says that you did not come`,
    body: `${facts.other_name} says that nobody came. The nights stay yours and are paid.
If you are there, or were, tell ${facts.other_name}, who can take it back.`,
  }),
  booking_cancelled_guest: (facts) => ({
    subject: `Your stay in ${facts.city} is cancelled`,
    body: `${cancelledBy(facts, "guest")}
${
  isNothing(facts.refund_amount)
    ? "Nothing is given back."
    : `You are given back ${formatAmount(facts.refund_amount, facts)}. We tell you when it is sent.`
}`,
  }),
  booking_cancelled_host: (facts) => ({
    subject: `The stay of ${facts.other_name} is cancelled`,
    body: `${cancelledBy(facts, "host")}
You keep ${formatAmount(facts.kept_host_amount ?? "0", facts)}. The nights are free again.`,
  }),
  refund_sent: (facts) => ({
    subject: `We have given back ${formatAmount(facts.refund_amount ?? "0", facts)}`,
    body: `${formatAmount(facts.refund_amount ?? "0", facts)} are on their way to you.
Your bank may take some days to show them. The reason: ${facts.refund_reason}`,
  }),
  refund_failed: (facts) => ({
    subject: "Your refund has not arrived",
    body: `your bank did not take the refund of ${formatAmount(facts.refund_amount ?? "0", facts)}.
We still owe you the money, and look for another way to pay it.`,
  }),
  late_payment_refunded: (facts) => ({
    subject: "Your payment came too late and was refunded",
    body: `your payment of ${formatAmount(facts.total_amount, facts)} arrived after the booking
had ended. We have given all of it back; your bank may take some days to show it.`,
  }),
};

const isNothing = (amount: string | null): amount is null => amount === null || amount === "0";

/** Who ended the stay, as the reader of the mail sees it, and why where they said. */
function cancelledBy(facts: BookingMailFacts, reader: "guest" | "host"): string {
  const who =
    facts.cancelled_by === reader
      ? "You have"
      : facts.cancelled_by === "operator"
        ? "Staybase has"
        : `${facts.other_name} has`;
  const reason = facts.cancellation_reason ?? "";
  return `${who} cancelled the stay.${reason === "" ? "" : `\nThe reason: ${reason}`}`;
}

/** Why a request came to nothing, for either side. */
function requestEnded({
  status,
  status_reason: reason,
  other_name: name,
}: BookingMailFacts): string {
  if (status !== "declined") return reason === "" ? "The request was withdrawn." : reason;
  return `${name} has declined your request.${reason === "" ? "" : `\nThe reason: ${reason}`}`;
}

const newStay = (facts: BookingMailFacts): string =>
  `${facts.new_check_in} to ${facts.new_check_out}, ${describeParty(facts.new_party)}`;

/** What a change costs the guest more or less. */
function difference(facts: BookingMailFacts): string {
  const amount = facts.difference_amount ?? "0";
  if (amount === "0") return "It costs the same.";
  return amount.startsWith("-")
    ? `It costs ${formatAmount(amount.slice(1), facts)} less.`
    : `It costs ${formatAmount(amount, facts)} more.`;
}

/** Minor units as a decimal with its currency; by digits, for no float touches money. */
export function formatAmount(
  amount: string,
  { currency, exponent }: { readonly currency: string; readonly exponent: number },
): string {
  if (exponent === 0) return `${amount} ${currency}`;
  const digits = amount.padStart(exponent + 1, "0");
  return `${digits.slice(0, -exponent)}.${digits.slice(-exponent)} ${currency}`;
}
