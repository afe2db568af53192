/**
 * Sends requests as whoever is signed in: refreshes an access token that is over, once for all that
 * wait, and repeats what may be repeated.
 */
import { StaybaseError, type Thing } from "./errors.ts";

export type Session = Thing<"Session">;

export interface Options {
  /** The server, such as `https://api.example.com`. */
  readonly url: string;
  /** Where a session is kept between visits; in memory without it. */
  readonly session?: Session;
  /** Hears of each new session, and of its end as undefined, to keep it. */
  readonly onSession?: (session: Session | undefined) => void;
  /**
   * Where the refresh token is: in the session, or in a cookie of the server that no script can
   * read, for pages of the same site. A session of that kind has an empty `refreshToken`.
   */
  readonly refreshIn?: "body" | "cookie";
  /** How often a request that may be repeated is sent again; 3 without it. */
  readonly retries?: number;
  /**
   * Whether GraphQL documents are sent by their names, as a server with TRUSTED_DOCUMENTS takes
   * them, and queries by GET, so that caches on the way may keep what visitors see.
   */
  readonly trustedDocuments?: boolean;
  readonly fetch?: typeof fetch;
}

interface SessionFetch {
  /** Who knows more of a request than its method says whether a second one has no second effect. */
  readonly fetch: (request: Request, mayRepeat?: boolean) => Promise<Response>;
  signIn(email: string, password: string, code?: string): Promise<Session>;
  signOut(): Promise<void>;
}

/** Before its end, for a request is on its way for a while. */
const EARLY_MS = 10_000;

export function createSession(options: Options): SessionFetch {
  const { url, retries = 3, onSession, refreshIn = "body" } = options;
  const plainFetch = options.fetch ?? fetch;
  let session = options.session;
  let refreshing: Promise<void> | undefined;

  const set = (next: Session | undefined): void => {
    session = next;
    onSession?.(next);
  };
  const post = async (path: string, body: object, headers = {}): Promise<Response> =>
    repeated(
      new Request(`${url}/v1/auth/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
        ...(refreshIn === "cookie" && { credentials: "include" }),
      }),
    );
  const open = async (path: string, body: object): Promise<Session> => {
    const response = await post(path, body);
    const answer: unknown = await response.json();
    if (!response.ok) throw new StaybaseError(response.status, Object(answer));
    return answer as Session;
  };

  async function repeated(request: Request, mayRepeat = isSafe(request)): Promise<Response> {
    for (let attempt = 0; ; attempt += 1) {
      const isLast = attempt >= retries || !mayRepeat;
      let response: Response | undefined;
      try {
        response = await plainFetch(request.clone());
      } catch (error) {
        if (isLast) throw error;
      }
      if (response !== undefined && (isLast || !isPassing(response))) return response;
      await new Promise((resolve) => setTimeout(resolve, waitMs(response, attempt)));
    }
  }

  /**
   * One refresh at a time: a refresh token is good for one. Who has signed out or in meanwhile is
   * left as they are. A browser has one cookie: where it is somebody else's by now, this session is
   * over.
   */
  function refresh(old: Session): Promise<void> {
    const settle = (next: Session | undefined): void => {
      if (session === old) set(next);
    };
    refreshing ??= open("refresh", refreshIn === "body" ? { refreshToken: old.refreshToken } : {})
      .then((next) => settle(next.userId === old.userId ? next : undefined))
      .catch((error: unknown) => {
        if (error instanceof StaybaseError && error.status === 401) settle(undefined);
        else throw error;
      })
      .finally(() => {
        refreshing = undefined;
      });
    return refreshing;
  }

  const isOver = ({ accessTokenExpiresAt }: Session): boolean =>
    Date.parse(accessTokenExpiresAt) - EARLY_MS < Date.now();

  return {
    fetch: async (request, mayRepeat) => {
      // What signs in and out says itself who it is for.
      if (request.url.startsWith(`${url}/v1/auth/`)) return repeated(signed(request, session));
      if (session && isOver(session)) await refresh(session);
      const used = session;
      const response = await repeated(signed(request, used), mayRepeat);
      // The clock here may be wrong, and the token over before it says so.
      if (used === undefined || !(await isAboutToken(response))) return response;
      if (session === used) await refresh(used);
      return session === undefined ? response : repeated(signed(request, session), mayRepeat);
    },
    signIn: async (email, password, code) => {
      const next = await open("login", { email, password, code, refreshIn });
      set(next);
      return next;
    },
    signOut: async () => {
      // Of a token that is over the server hears nothing: the session would live on there.
      if (session && isOver(session)) await refresh(session).catch(() => undefined);
      const ended = session;
      set(undefined);
      if (ended) await post("logout", {}, { authorization: `Bearer ${ended.accessToken}` });
    },
  };
}

/** The request as whoever is signed in; a copy, for it may be needed once more. */
function signed(request: Request, session: Session | undefined): Request {
  const copy = request.clone();
  if (session) copy.headers.set("authorization", `Bearer ${session.accessToken}`);
  return copy;
}

const SAFE = ["GET", "HEAD", "PUT", "DELETE"];
/** They need what there was before, or send a mail: a second one is another. */
const NOT_SAFE = /\/v1\/me\/(password|email|second-factor)$/;

/** Whether a second request has no second effect. */
function isSafe({ method, headers, url }: Request): boolean {
  if (NOT_SAFE.test(new URL(url).pathname)) return false;
  return SAFE.includes(method) || headers.has("idempotency-key");
}

/** Whether a refusal is about the token, and not about a password that was sent along. */
async function isAboutToken(response: Response): Promise<boolean> {
  if (response.status !== 401) return false;
  const problem: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  return !["INVALID_CREDENTIALS", "SECOND_FACTOR_REQUIRED"].includes(Object(problem).code);
}

/** Whether the same request may soon be answered otherwise. */
function isPassing({ status, headers }: Response): boolean {
  if (status === 409) return headers.has("retry-after");
  return [429, 502, 503, 504].includes(status);
}

function waitMs(response: Response | undefined, attempt: number): number {
  const seconds = Number(response?.headers.get("retry-after") ?? Number.NaN);
  if (seconds >= 0) return seconds * 1000;
  return 2 ** attempt * 100 * (1 + Math.random());
}
