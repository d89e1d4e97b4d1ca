# The package that npm pack makes has all that runs inside, with no packages to install beside it.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json checkInstalled.js build.js tsconfig.json openapi.yaml ./
RUN npm ci --ignore-scripts
COPY LICENSE README.md .env.template ./
COPY docs/licences.md docs/
COPY src src
COPY workers-py/tasks.yaml workers-py/
COPY console console
RUN npm pack && mkdir package && tar -xzf celery-orchestrator-*.tgz --directory package --strip-components 1

FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package ./
COPY workers-py/tasks.yaml workers-py/
# The log file's folder is ../logs as seen from the code, here too.
RUN mkdir /logs && chown node:node /logs && ln -s /logs logs
USER node
VOLUME /logs
EXPOSE 8000
# The process answers: an outage of Redis must not make the container unhealthy.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.FASTAPI_PORT || 8000}${(process.env.ROOT_PATH || '').replace(/\\/+$/, '')}/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# In exec form, so that the stop signal reaches the service and it drains.
CMD ["node", "--enable-source-maps", "--max-semi-space-size=64", "dist/service/main.js"]
