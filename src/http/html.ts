/**
 * Pages that are written by hand: what comes from outside is escaped, in text and attributes, and
 * all have one frame and one look, which is assets/pages.css.
 */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

export interface Page {
  /** Plain text; the name of the product is added. */
  readonly title: string;
  /** HTML: what `main` holds. */
  readonly body: string;
  /** HTML for the end of `head`: scripts and styles of this page alone. */
  readonly head?: string;
  /** For guests and hosts: a narrow column, without the links that developers want. */
  readonly narrow?: boolean;
}

const LINKS = [
  ["/docs/guides", "Guides"],
  ["/docs", "REST"],
  ["/docs/errors", "Errors"],
  ["/docs/diagrams", "Diagrams"],
  ["/docs/deprecations", "Deprecations"],
] as const;

/** A whole page as a document. */
export function page({ title, body, head = "", narrow = false }: Page): string {
  const links = LINKS.map(([path, name]) => `<a href="${path}">${name}</a>`).join("\n");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title === "Staybase" ? title : `${title} - Staybase`)}</title>
<link rel="icon" href="/docs/assets/icon.svg">
<link rel="stylesheet" href="/docs/assets/pages.css">
${head}</head>
<body${narrow ? ' class="narrow"' : ""}>
<header class="top">
${narrow ? '<span class="home">Staybase</span>' : `<a class="home" href="/">Staybase</a>\n${links}`}
</header>
<main>
${body}
</main>
</body>
</html>
`;
}

/** Text in which code stands between backticks, as HTML. */
export function prose(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, "<code>$1</code>");
}
