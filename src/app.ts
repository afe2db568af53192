/**
 * The process from the outside in: what a request meets, in order. Each line is one file of
 * src/http; nothing else decides the order.
 */
import express, { type Express, type Router } from "express";
import { type DemoPerson, installAssets } from "./http/assets.ts";
import { installBookingPage } from "./http/bookingPage.ts";
import { readDeprecations } from "./http/deprecation.ts";
import { installDeprecationsPage } from "./http/deprecationsPage.ts";
import { installDiagrams } from "./http/diagrams.ts";
import { installDocs } from "./http/docs.ts";
import { installErrorsPage } from "./http/errorsPage.ts";
import { installExportPage } from "./http/exportPage.ts";
import { installGraphql } from "./http/graphql.ts";
import { installGuides } from "./http/guides.ts";
import { installHeaders } from "./http/headers.ts";
import { installHealth, type Readiness } from "./http/health.ts";
import { installHomePage } from "./http/homePage.ts";
import { installLinkPages } from "./http/linkPages.ts";
import { installLogging } from "./http/logging.ts";
import { installGraphqlMethods } from "./http/methods.ts";
import { readOperations } from "./http/openapi.ts";
import { installProblems } from "./http/problems.ts";
import { installPublicCache } from "./http/publicCache.ts";
import { installRest, installWebhooks } from "./http/rest.ts";
import { installSecurity } from "./http/security.ts";
import { installSignInPage } from "./http/signInPage.ts";
import { installTokenKeys } from "./http/tokenKeys.ts";
import { installTurns } from "./http/turns.ts";
import { listenForChanges } from "./resources/changes.ts";
import type { Resources } from "./resources/index.ts";
import { sessionListener } from "./resources/sessionRevocations.ts";

export interface App {
  readonly express: Express;
  /** Gives back what the app holds beyond its resources. */
  release(): Promise<void>;
}

export interface AppOptions {
  readonly readiness: Readiness;
  /** Pages of stand-ins, such as the mailbox, by their path; none in production. */
  readonly pages?: Readonly<Record<string, Router>>;
  /** Those of the demo market, where it was seeded: everybody may sign in as one of them. */
  readonly people?: readonly DemoPerson[];
}

/** Builds the app on open resources. */
export async function createApp(resources: Resources, options: AppOptions): Promise<App> {
  const app = express();
  installLogging(app, resources);
  installSecurity(app, resources);
  installHeaders(app);
  const answers = await installPublicCache(app, resources);
  const sessions = sessionListener(resources);
  const changes = listenForChanges(resources, answers ? [sessions, answers] : [sessions]);
  installHealth(app, resources, options.readiness);
  installTurns(app);
  installTokenKeys(app, resources);
  installGraphqlMethods(app, resources);
  const graphql = await installGraphql(app, resources);
  installWebhooks(app, resources);
  const operations = await readOperations();
  const deprecations = readDeprecations(operations, graphql.schema);
  await installRest(app, resources, graphql, operations, deprecations);
  const { pages = {}, people = [] } = options;
  installHomePage(app, resources, { people, pages: Object.keys(pages) });
  installAssets(app, resources, people);
  installBookingPage(app);
  installLinkPages(app, resources);
  installExportPage(app, resources);
  installSignInPage(app);
  await installDocs(app);
  installErrorsPage(app);
  installDeprecationsPage(app, deprecations.all);
  await installGuides(app);
  await installDiagrams(app);
  for (const [path, router] of Object.entries(pages)) app.use(path, router);
  installProblems(app, resources);
  return {
    express: app,
    release: async () => {
      await changes.close();
      answers?.close();
      await graphql.release();
    },
  };
}
