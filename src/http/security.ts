/** Headers that tell browsers to be careful, and which origins may call from a page. */
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import cors from "cors";
import type { Express } from "express";
import helmet from "helmet";
import type { Resources } from "../resources/index.ts";

/** No page of ours uses any of these, nor may a page that it embeds. */
const PERMISSIONS = ["camera", "geolocation", "microphone", "payment", "usb", "browsing-topics"]
  .map((feature) => `${feature}=()`)
  .join(", ");

/** What a page of another origin may send beside what browsers send anyway, and may read. */
const TAKEN_HEADERS = [
  "Authorization",
  "Content-Type",
  "Idempotency-Key",
  "If-Match",
  "If-None-Match",
  "X-Request-Id",
];
const GIVEN_HEADERS = [
  "Deprecation",
  "ETag",
  "Idempotent-Replayed",
  "Link",
  "Location",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "Sunset",
  "X-Request-Id",
];

/**
 * Installs the security headers; pages of ours load nothing from elsewhere, except avatars and
 * photos.
 */
export function installSecurity(app: Express, resources: Resources): void {
  const { config } = resources;
  app.disable("x-powered-by");
  app.set("trust proxy", config.http.trustProxy);
  const carefully = headersOf(
    helmet({
      contentSecurityPolicy: {
        directives: {
          "default-src": ["'self'"],
          "script-src": ["'self'"],
          "style-src": ["'self'", "'unsafe-inline'"],
          "img-src": ["'self'", "data:", "https:"],
          "form-action": ["'self'"],
          // On localhost there is no https to upgrade to.
          "upgrade-insecure-requests": config.environment === "production" ? [] : null,
        },
      },
      strictTransportSecurity: config.environment === "production",
    }),
  ).set("Permissions-Policy", PERMISSIONS);
  app.use((_request, response, next) => {
    response.setHeaders(carefully);
    next();
  });
  if (config.http.corsOrigins.length > 0) {
    app.use(
      cors((request, callback) => {
        const origin = config.http.corsOrigins.find((each) => each === request.headers.origin);
        callback(null, {
          origin: origin === undefined ? [] : [origin],
          // For the cookie of a session; everything else is by tokens.
          credentials: origin !== undefined,
          allowedHeaders: TAKEN_HEADERS,
          exposedHeaders: GIVEN_HEADERS,
          maxAge: 600,
        });
      }),
    );
  }
}

/** What a middleware says of every response: it is asked once, for it looks at no request. */
function headersOf(middleware: ReturnType<typeof helmet>): Map<string, string> {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  middleware(request, response, (error) => {
    if (error !== undefined) throw error;
  });
  return new Map(response.getHeaderNames().map((name) => [name, String(response.getHeader(name))]));
}
