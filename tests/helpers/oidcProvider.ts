/**
 * Two providers of OpenID Connect: a real one (oidc-provider), whose pages a browser of the test
 * fills in, and one that says whatever a test wants, for what a real one never says.
 */
import { generateKeyPairSync, type KeyObject, randomUUID } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import jwt from "jsonwebtoken";
import Provider from "oidc-provider";

export const CLIENT = { clientId: "staybase", clientSecret: "a secret of the provider's" } as const;

export interface Listening {
  readonly issuer: string;
  close(): Promise<void>;
}

/** Serves on a free port; who serves is made for the address. */
async function listen(serve: (issuer: string) => RequestListener): Promise<Listening> {
  let listener: RequestListener | undefined;
  const server: Server = createServer((request, response) => listener?.(request, response));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  listener = serve(issuer);
  return {
    issuer,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

const makeKey = () => generateKeyPairSync("rsa", { modulusLength: 2048 });

/**
 * A real provider, whose accounts are what is typed at its sign-in page, with these claims.
 * @param accounts changed by tests as they go
 * @param redirectUri asked for when somebody first comes: by then our server has its address
 */
export function startOidcProvider(
  accounts: ReadonlyMap<string, object>,
  redirectUri: () => string,
): Promise<Listening> {
  const { privateKey } = makeKey();
  return listen((issuer) => {
    const make = (): Provider =>
      quietly(
        () =>
          new Provider(issuer, {
            clients: [
              {
                client_id: CLIENT.clientId,
                client_secret: CLIENT.clientSecret,
                redirect_uris: [redirectUri()],
              },
            ],
            claims: { email: ["email", "email_verified"], profile: ["name"] },
            findAccount: (_context: unknown, accountId: string) => ({
              accountId,
              claims: () => ({ sub: accountId, ...accounts.get(accountId) }),
            }),
            cookies: { keys: [randomUUID()] },
            jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), alg: "RS256", use: "sig" }] },
            ttl: { Grant: 600, Interaction: 600, Session: 600, AccessToken: 600, IdToken: 600 },
          }),
      );
    let provider: Provider | undefined;
    return (request, response) => {
      provider ??= make();
      void provider.callback()(request, response);
    };
  });
}

/** It warns of what production must not have, such as these pages. */
function quietly<T>(make: () => T): T {
  const { warn, info } = console;
  Object.assign(console, { warn: () => undefined, info: () => undefined });
  try {
    return make();
  } finally {
    Object.assign(console, { warn, info });
  }
}

/** What a provider says that lies, or is ill; each member alone is wrong. */
export interface Lie {
  /** Changes of the claims of the id token; undefined takes one away. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Signs with a key that the provider does not publish. */
  readonly otherKey?: boolean;
  /** `none` is no signature, HS256 one with the secret of the client. */
  readonly algorithm?: "none" | "HS256";
  /** Leaves the id token out. */
  readonly noToken?: boolean;
  /** The status of the token endpoint; 0 is no answer at all. */
  readonly status?: number;
}

export interface Liar extends Listening {
  /** What it says next, once somebody comes with `nonce`. */
  lie(nonce: string, lie?: Lie): void;
}

/** A provider without pages: it takes any code, and says who somebody is as it was told. */
export async function startLiar(): Promise<Liar> {
  const [own, other] = [makeKey(), makeKey()];
  let next: { nonce: string; lie: Lie } | undefined;
  const listening = await listen((issuer) => (request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    request.resume();
    const { url = "" } = request;
    if (url.startsWith("/.well-known/")) return answer(200, descriptionOf(issuer));
    if (url === "/keys") return answer(200, { keys: [publicKey(own.publicKey)] });
    const { nonce, lie } = next ?? { nonce: "", lie: {} };
    if (lie.status === 0) return undefined;
    if (lie.status !== undefined) return answer(lie.status, { error: "invalid_client" });
    const token = idToken(issuer, nonce, lie, lie.otherKey ? other.privateKey : own.privateKey);
    return answer(200, {
      access_token: randomUUID(),
      token_type: "Bearer",
      ...(lie.noToken ? {} : { id_token: token }),
    });
  });
  return {
    ...listening,
    lie: (nonce, lie = {}) => {
      next = { nonce, lie };
    },
  };
}

const descriptionOf = (issuer: string) => ({
  issuer,
  authorization_endpoint: `${issuer}/auth`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/keys`,
  response_types_supported: ["code"],
  subject_types_supported: ["public"],
  id_token_signing_alg_values_supported: ["RS256"],
});

const publicKey = (key: KeyObject) => ({
  ...key.export({ format: "jwk" }),
  kid: "1",
  alg: "RS256",
  use: "sig",
});

function idToken(issuer: string, nonce: string, { claims, algorithm }: Lie, key: KeyObject) {
  const now = Math.floor(Date.now() / 1000);
  const all = {
    iss: issuer,
    aud: CLIENT.clientId,
    sub: randomUUID(),
    iat: now,
    exp: now + 300,
    nonce,
    email: `${randomUUID()}@example.com`,
    email_verified: true,
    name: "Lia",
    ...claims,
  };
  // What is undefined is left out.
  const payload = JSON.parse(JSON.stringify(all)) as object;
  if (algorithm === "none") return jwt.sign(payload, null, { algorithm });
  if (algorithm === "HS256") return jwt.sign(payload, CLIENT.clientSecret, { algorithm });
  return jwt.sign(payload, key, { algorithm: "RS256", keyid: "1" });
}

/** A provider that takes connections and says nothing. */
export function startSilence(): Promise<Listening> {
  return listen(() => () => undefined);
}
