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

and enter the password that you chose. The link works once, for a day. If it was not you, ignore
this mail: there will be no account.
`,
  };
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
  readonly guests: number;
  readonly currency: string;
  readonly exponent: number;
  readonly total_amount: string;
  readonly host_amount: string;
  readonly street: string | null;
}

/** The mail of a kind that the table mails knows. */
export function bookingMail(kind: string, facts: BookingMailFacts): MailText {
  const stay = `${facts.listing_title}, ${facts.city}
${facts.check_in} to ${facts.check_out}, ${facts.guests} guest(s)
Booking ${facts.booking_id}`;
  switch (kind) {
    case "booking_confirmed_guest":
      return {
        subject: `Your stay in ${facts.city} is confirmed`,
        text: `Hello ${facts.display_name},

your stay is confirmed and paid: ${formatAmount(facts.total_amount, facts)}.

${stay}
Host: ${facts.other_name}
Address: ${facts.street ?? "ask your host"}
`,
      };
    case "booking_confirmed_host":
      return {
        subject: `${facts.other_name} booked ${facts.listing_title}`,
        text: `Hello ${facts.display_name},

${facts.other_name} has booked and paid. You earn ${formatAmount(facts.host_amount, facts)}.

${stay}
`,
      };
    case "late_payment_refunded":
      return {
        subject: "Your payment came too late and was refunded",
        text: `Hello ${facts.display_name},

your payment of ${formatAmount(facts.total_amount, facts)} arrived when the booking had already
ended. We have given all of it back; your bank may take some days to show it.

${stay}
`,
      };
    default:
      throw new Error(`There is no mail of kind ${kind}.`);
  }
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
