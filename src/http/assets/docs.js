/**
 * The reference of REST: Swagger UI with our own way to sign in, and each code that a description
 * names as a link to what it means.
 */
import { authorization, installSignIn } from "./signIn.js";

installSignIn(document.getElementById("as"));
const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.classList.toggle("dark-mode", isDark);

/** Puts links into the text before it becomes HTML. */
function linked(text) {
  return text
    .replaceAll(/`([A-Z]+(?:_[A-Z]+)+)`/g, "[`$1`](/docs/errors#$1)")
    .replaceAll(/`(\/docs\/\w+)`/g, "[`$1`]($1)");
}

const nothing = () => () => null;
const ours = {
  wrapComponents: {
    Markdown:
      (Original, { React }) =>
      ({ source, ...others }) =>
        React.createElement(Original, { ...others, source: linked(source ?? "") }),
    authorizeBtn: nothing,
    authorizeOperationBtn: nothing,
  },
};

globalThis.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  filter: true,
  defaultModelsExpandDepth: -1,
  plugins: [() => ours],
  requestInterceptor: async (request) => {
    const header = await authorization();
    if (header !== undefined) request.headers.authorization = header;
    return request;
  },
});
