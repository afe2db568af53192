/**
 * A generated peer: the mapper and the GraphQL of Platformatic DB, on all tables of app_public, as a
 * role that row-level security does not hold: it switches no role, and begins no transaction to read.
 */
import graphql from "@platformatic/sql-graphql";
import { plugin as mapper } from "@platformatic/sql-mapper";
import fastify from "fastify";

const [port] = process.argv.slice(2);
const app = fastify();
await app.register(mapper, {
  connectionString: process.env.DATABASE_URL,
  schema: ["app_public"],
  poolSize: 10,
  log: app.log,
});
await app.register(graphql, { graphiql: false, jit: 1 });
app.get("/ready", async () => ({}));
await app.listen({ port: Number(port), host: "127.0.0.1" });
