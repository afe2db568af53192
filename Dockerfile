# syntax=docker/dockerfile:1

# One image for the server, the worker and the migrations; the command decides, and each is what the
# npm script of that name runs. npm itself is left out, for it would stand between the signals and
# the process:
#   node --max-old-space-size=288 --max-semi-space-size=32 src/server.ts
#                                            npm run start:server (the default)
#   node src/worker.ts                       npm run start:worker
#   node src/commands/db/migrate.ts          npm run db:migrate
#   node src/commands/doctor.ts              npm run doctor

# Pinned, so that nobody can put another image behind the tag: both lines, when Node has a new one.
FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY clients/typescript/package.json ./clients/typescript/
# Without the packages that only build and test; Node is the image's own.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --no-audit --no-fund

FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json ./
COPY migrations ./migrations
COPY sql ./sql
COPY openapi ./openapi
COPY docs ./docs
COPY src ./src
# Nothing here belongs to this user: the process can change neither its code nor its packages.
USER node
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 4000}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-old-space-size=288", "--max-semi-space-size=32", "src/server.ts"]
