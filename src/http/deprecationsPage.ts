/** The page /docs/deprecations: when something may be taken away, and what will be. */
import type { Express } from "express";
import { DEPRECATIONS_PATH, type Deprecation, NOTICE_MONTHS } from "./deprecation.ts";
import { escapeHtml, page } from "./html.ts";
import { serve } from "./methods.ts";

export function installDeprecationsPage(app: Express, deprecations: readonly Deprecation[]): void {
  const html = page({ title: "Deprecations", body: body(deprecations) });
  serve(app, DEPRECATIONS_PATH, {
    get: (_request, response) => void response.type("html").send(html),
  });
}

function body(deprecations: readonly Deprecation[]): string {
  return `<h1>Deprecations</h1>
<p>What clients rely on goes away only after it was said: at least ${NOTICE_MONTHS} months lie
between the notice and the sunset, and until then it works as before.</p>
<ul>
<li><strong>REST</strong> answers to whoever still uses it with <code>Deprecation</code> (RFC 9745),
the time of the notice, <code>Sunset</code> (RFC 8594), the time from which it may be gone, and
a <code>Link</code> with <code>rel="deprecation"</code>.</li>
<li><strong>GraphQL</strong> marks it <code>@deprecated</code>, and the reason ends with both
days.</li>
<li><strong>Breaking</strong> is: an address, field, parameter, argument, header, status, error code
or word of an enum is gone or has another type; something is required that was not; what is taken
becomes less; what is answered may be left out or null.</li>
<li><strong>Not breaking</strong> is what is added: optional inputs, members of answers, words of
enums, error codes, operations. Clients leave alone what they do not know.</li>
<li>What is unsafe may have to go at once; the changelog then says why.</li>
</ul>
<h2>Deprecated now</h2>
${deprecations.length === 0 ? "<p>Nothing is deprecated.</p>" : table(deprecations)}`;
}

function table(deprecations: readonly Deprecation[]): string {
  const bySunset = deprecations.toSorted((a, b) => (a.sunset < b.sunset ? -1 : 1));
  return `<div class="wide"><table>
<thead><tr><th>What</th><th>Since</th><th>May be gone from</th><th>Instead</th></tr></thead>
<tbody>
${bySunset.map(row).join("\n")}
</tbody>
</table></div>`;
}

function row({ what, since, sunset, instead }: Deprecation): string {
  const cells = [`<code>${escapeHtml(what)}</code>`, since, sunset, escapeHtml(instead)];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}
