// A tour of sical with a client whose types come from the OpenAPI document:
// register, log in, write, read one's own write, page, ask again for nothing.
// SICAL_URL says where the system is.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

type Problem = components["schemas"]["Problem"];

const api = createClient<paths>({ baseUrl: process.env["SICAL_URL"] ?? "http://127.0.0.1:8080" });

/** The data of an answer; a problem is thrown, as most programs want it. */
function ok<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) {
    const problem = answer.error as Problem;
    throw new Error(`${answer.response.status} ${problem.code}: ${problem.detail ?? problem.title}`);
  }
  return answer.data;
}

/** Asks again, when the answer says to, while the views have not caught up. */
async function caughtUp<A extends { error?: unknown; response: Response }>(ask: () => Promise<A>): Promise<A> {
  for (let tries = 1; ; tries++) {
    const answer = await ask();
    const behind = (answer.error as Problem | undefined)?.code === "not_caught_up";
    if (!behind || tries === 20) return answer;
    await setTimeout(1000 * Number(answer.response.headers.get("Retry-After") ?? 1));
  }
}

async function register(username: string, password: string): Promise<string> {
  const email = `${username}@example.org`;
  const { id } = ok(await api.POST("/v1/users", { body: { username, email, password, display_name: "小明" } }));
  return id;
}

/** Logs in; from then on every request carries the token. */
async function logIn(username: string, password: string): Promise<void> {
  const { access_token } = ok(await api.POST("/v1/sessions", { body: { username, password } }));
  api.use({
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${access_token}`);
    },
  });
}

async function createGoal(title: string) {
  const header = { "Idempotency-Key": randomUUID() };
  const body = { title, category: "languages", visibility: "public" } as const;
  const created = ok(await api.POST("/v1/goals", { params: { header }, body }));
  const again = ok(await api.POST("/v1/goals", { params: { header }, body }));
  assert.deepEqual(again, created, "the same key has one effect");
  return created;
}

/** Reads a goal as of a position, so that one's own write is in the answer. */
async function readGoal(id: string, position: number) {
  const header = { "Sical-Min-Position": position, Prefer: "wait=5" };
  const answer = await caughtUp(() => api.GET("/v1/goals/{id}", { params: { path: { id }, header } }));
  return { goal: ok(answer), etag: answer.response.headers.get("ETag") ?? "" };
}

async function* goalsOf(id: string, position: number) {
  const header = { "Sical-Min-Position": position };
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? { limit: 2 } : { limit: 2, cursor };
    const page = ok(await caughtUp(() => api.GET("/v1/users/{id}/goals", { params: { path: { id }, header, query } })));
    yield* page.items;
    cursor = page.next_cursor;
  } while (cursor !== undefined);
}

const username = `tour-${randomUUID().slice(0, 8)}`;
const password = "a long walk with friends";
const user = await register(username, password);
await logIn(username, password);

const titles = ["学好西班牙语", "Learn to cook", "Read the classics"];
const created = [];
for (const title of titles) created.push(await createGoal(title));
const last = created[created.length - 1]!;

const { goal, etag } = await readGoal(last.id, last.position);
assert.equal(goal.title, titles[titles.length - 1]);
assert.equal(goal.version, last.version);
assert.equal(goal.owner_id, user);

const listed = [];
for await (const { title } of goalsOf(user, last.position)) listed.push(title);
assert.deepEqual(listed, titles.toReversed(), "newest first, over several pages");

const unchanged = await api.GET("/v1/goals/{id}", { params: { path: { id: last.id }, header: { "If-None-Match": etag } } });
assert.equal(unchanged.response.status, 304);

const missing = await api.GET("/v1/goals/{id}", { params: { path: { id: randomUUID() } } });
assert.equal(missing.response.status, 404);
assert.equal(missing.error?.code, "not_found");

console.log(`${username} has ${listed.length} goals; the newest, "${goal.title}", was read at position ${last.position}.`);
