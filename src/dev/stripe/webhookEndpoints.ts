/**
 * The API of webhook endpoints: make, change, list and remove them. The secret that signs what an
 * endpoint gets is told when it is made, and never again.
 */
import { randomBytes } from "node:crypto";
import Stripe from "stripe";
import { invalid, missing } from "./errors.ts";
import type { Parameters } from "./parameters.ts";
import { newId, nowSeconds, type State } from "./state.ts";
import type { Webhooks } from "./webhooks.ts";

type WebhookEndpoint = Stripe.WebhookEndpoint;

/** Stripe's own limit. */
const MOST_ENDPOINTS = 16;

/** Reads the parameters of a new endpoint, and returns the step that makes it. */
export function createWebhookEndpoint(state: State, parameters: Parameters): () => WebhookEndpoint {
  const url = address(parameters.required("url"));
  const types = eventTypes(parameters);
  if (types.length === 0) throw invalid("Missing required param: enabled_events.");
  const description = parameters.text("description") ?? null;
  const metadata = parameters.metadata();
  return () => {
    if (state.webhookEndpoints.size >= MOST_ENDPOINTS) {
      throw invalid(`You have reached the maximum of ${MOST_ENDPOINTS} test webhook endpoints.`);
    }
    const made: WebhookEndpoint = {
      id: newId("we"),
      object: "webhook_endpoint",
      api_version: Stripe.API_VERSION,
      application: null,
      created: nowSeconds(),
      description,
      enabled_events: types,
      livemode: false,
      metadata,
      secret: `whsec_${randomBytes(24).toString("hex")}`,
      status: "enabled",
      url,
    };
    return { ...state.put(state.webhookEndpoints, made) };
  };
}

/** Changes the address, the types of events, or whether the endpoint gets any. */
export function updateWebhookEndpoint(
  state: State,
  parameters: Parameters,
  id: string,
): () => WebhookEndpoint {
  const url = parameters.text("url");
  const types = eventTypes(parameters);
  const disabled = parameters.choice("disabled", ["true", "false"]);
  const checked = url === undefined ? undefined : address(url);
  return () => {
    const endpoint = webhookEndpoint(state, id);
    endpoint.url = checked ?? endpoint.url;
    if (types.length > 0) endpoint.enabled_events = types;
    if (disabled !== undefined) endpoint.status = disabled === "true" ? "disabled" : "enabled";
    state.changed();
    return withoutSecret(endpoint);
  };
}

/** An endpoint that is removed gets nothing more, and owes nothing more. */
export function deleteWebhookEndpoint(
  state: State,
  webhooks: Webhooks,
  id: string,
): Stripe.DeletedWebhookEndpoint {
  webhookEndpoint(state, id);
  state.webhookEndpoints.delete(id);
  webhooks.forget(id);
  return { id, object: "webhook_endpoint", deleted: true };
}

export function retrieveWebhookEndpoint(state: State, id: string): WebhookEndpoint {
  return withoutSecret(webhookEndpoint(state, id));
}

/** All endpoints as they may be listed, by id. */
export function listedWebhookEndpoints(state: State): Map<string, WebhookEndpoint> {
  return new Map([...state.webhookEndpoints].map(([id, each]) => [id, withoutSecret(each)]));
}

function webhookEndpoint(state: State, id: string): WebhookEndpoint {
  const endpoint = state.webhookEndpoints.get(id);
  if (!endpoint) throw missing("webhook endpoint", id, "webhook_endpoint");
  return endpoint;
}

function withoutSecret({ secret, ...endpoint }: WebhookEndpoint): WebhookEndpoint {
  return endpoint;
}

function address(url: string): string {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return url;
  throw invalid("Invalid URL: an http or https address is needed.", { param: "url" });
}

function eventTypes(parameters: Parameters): string[] {
  const types = parameters.texts("enabled_events");
  const wrong = types.find((type) => !/^(\*|[a-z_]+(\.[a-z_]+)+)$/.test(type));
  if (wrong === undefined) return types;
  throw invalid(`Invalid enabled_events: ${wrong}`, { param: "enabled_events" });
}
