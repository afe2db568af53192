/**
 * Signs people up for the stories as people do: register, open the mailed link, repeat the
 * password, get a token.
 */
import { apiClient, type Client } from "../helpers/client.ts";
import { type Marketplace, waitUntil } from "../helpers/marketplace.ts";

export interface Person {
  readonly email: string;
  readonly userId: string;
  readonly client: Client;
}

export const PASSWORD = "correct horse battery";

/** Needs a running worker, which sends the mail. */
export async function signUp(
  marketplace: Marketplace,
  server: string,
  name: string,
): Promise<Person> {
  const email = `${name.toLowerCase()}@example.com`;
  const anonymous = apiClient(server);
  const asked = await anonymous.post("/v1/auth/register", {
    email,
    password: PASSWORD,
    displayName: name,
  });
  if (asked.status !== 202) throw new Error(`register: ${JSON.stringify(asked.body)}`);
  let link: string | undefined;
  await waitUntil(`a mail to ${email} with a link`, async () => {
    const mails = await marketplace.mails();
    link = mails.find((mail) => mail.to.includes(email))?.links[0];
    return link !== undefined;
  });
  const token = new URL(link ?? "").searchParams.get("token");
  const confirmed = await anonymous.post("/v1/auth/confirm", { token, password: PASSWORD });
  if (confirmed.status !== 201) throw new Error(`confirm: ${JSON.stringify(confirmed.body)}`);
  const loggedIn = await anonymous.post("/v1/auth/login", { email, password: PASSWORD });
  if (loggedIn.status !== 200) throw new Error(`login: ${JSON.stringify(loggedIn.body)}`);
  return {
    email,
    userId: String(loggedIn.body.userId),
    client: anonymous.withToken(String(loggedIn.body.accessToken)),
  };
}
