/**
 * What GraphiQL is given: its title, the bar in which somebody signs in (its script and its look
 * are in src/http/assets), and the story of a stay as tabs.
 */
import { story } from "./examples.ts";

type Ruru = NonNullable<GraphileConfig.Preset["ruru"]>;

const BAR = `<div id="bar">
<a href="/">Staybase</a>
<div class="as"></div>
<button type="button" class="restart">Begin the story again</button>
<a class="booking" target="_blank" rel="opener" hidden>Pay this booking</a>
<div class="kept"></div>
</div>`;

export function graphiql(): Ruru {
  const tabs = story(new Date()).map((query) => ({ query }));
  return {
    // Its type demands every setting, and leaves out the tabs, which it hands on all the same.
    clientConfig: { defaultTabs: tabs } as unknown as NonNullable<Ruru["clientConfig"]>,
    htmlParts: {
      titleTag: "<title>Staybase GraphiQL</title>",
      metaTags: (given) =>
        `${given}
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/docs/assets/icon.svg">`,
      styleTags: (given) =>
        `${given}
<link rel="stylesheet" href="/docs/assets/signIn.css">
<link rel="stylesheet" href="/docs/assets/graphiql.css">`,
      headerScripts: (given) =>
        `${given}
<script type="module" src="/docs/assets/graphiql.js"></script>`,
      bodyContent: (given) => `${BAR}\n${given}`,
    },
  };
}
