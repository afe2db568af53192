/** Where mails lead: to the app, by the templates of its paths; to our own pages without one. */
import type { Config } from "../config/index.ts";

export function confirmLink({ app }: Config, token: string): string {
  return link(app.url, app.confirmPath, "{token}", token);
}

export function resetLink({ app }: Config, token: string): string {
  return link(app.url, app.resetPath, "{token}", token);
}

export function emailLink({ app }: Config, token: string): string {
  return link(app.url, app.emailPath, "{token}", token);
}

export function exportLink({ app }: Config, token: string): string {
  return link(app.url, app.exportPath, "{token}", token);
}

export function bookingLink({ app }: Config, id: string): string {
  return link(app.url, app.bookingPath, "{id}", id);
}

function link(url: string, template: string, placeholder: string, value: string): string {
  return url + template.split(placeholder).join(encodeURIComponent(value));
}
