/** The packages of this folder are there only once the benchmark has run. */
declare module "@platformatic/sql-graphql";
declare module "@platformatic/sql-mapper";
declare module "fastify";
declare module "mercurius";
