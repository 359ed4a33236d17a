# The command goniec, for a worker and for the migration step. Small, and not root.
#
#   docker build -t goniec .
#   docker run --rm -e DATABASE_URL=… goniec worker

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# Install scripts prepare the embedded database, which an image does not need.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY src src
COPY migrations migrations
RUN npm run build && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /goniec
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY --from=build /build/bin bin
COPY --from=build /build/migrations migrations
# For a worker's logbook: a volume here outlives the container (GONIEC_STATE=/state).
RUN install --directory --owner=node --mode=700 /state
USER node
# Healthy: a worker is there, and no mail has been due for longer than ten minutes with nothing against it. What a person has to see to otherwise does not
# count; nor does a database that cannot be asked: some replace what is not healthy, and a worker keeps outcomes that nobody else knows.
HEALTHCHECK --interval=1m --timeout=40s --start-period=5m --retries=3 \
  CMD ["sh", "-c", "node /goniec/bin/goniec.js status --check --ignore restored mailbox_broken braked unplanned doubts contradictions held; test $? -ne 3"]
ENTRYPOINT ["node", "/goniec/bin/goniec.js"]
CMD ["worker"]
