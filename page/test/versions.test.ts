import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ServerSource, versionOfTag } from "../src/data/server";
import { wasCancelled } from "../src/data/source";
import { sameTopic, sameTree, TopicTree } from "../src/data/tree";
import type { AtlasInfo, TopicsReply } from "../src/data/types";
import * as store from "../src/state/store";
import { afterEdit, CHANGED, lookAgain, namesTopics, openAtlas, topicNow } from "../src/state/versions";
import { topicsReply } from "./made";

/** The made tree, some topics changed or gone. */
const changed = (change: (topic: TopicsReply["topics"][number]) => object | null): TopicsReply => ({
  ...topicsReply,
  version: 2,
  topics: topicsReply.topics.flatMap((topic) => {
    const more = change(topic);
    return more === null ? [] : [{ ...topic, ...more }];
  }),
});
/** As after a merge elsewhere: 0 and 1 are one, and the numbers behind them move up. */
const merged = changed(({ id }) =>
  id === 1 ? null : id === 0 ? { size: 450, label: "both" } : id < 10 ? { id: id - 1 } : {},
);
const info = (version: number): AtlasInfo =>
  ({ name: "a", passages: 1000, documents: 1, topics: 7, version, editable: true, attributes: [],
     map: { bounds: [-1, -1, 1, 1], levels: 1, tiles: [] } }) as unknown as AtlasInfo;

describe("which topic is which", () => {
  const before = new TopicTree(topicsReply);
  it("is told by name and size", () => {
    const after = new TopicTree(merged);
    expect(sameTopic(before, after, 2)).toBe(1);
    expect(sameTopic(before, after, 0)).toBeNull();
    expect(sameTopic(before, after, 1)).toBeNull();
    expect(sameTree(before, after)).toBe(false);
    expect(sameTree(before, new TopicTree(topicsReply))).toBe(true);
  });
  it("is not guessed where two are alike", () => {
    const twins = new TopicTree(changed(({ id }) => (id === 3 ? { label: "topic 2", size: 200 } : {})));
    expect(sameTopic(before, twins, 2)).toBeNull();
  });
  it("survives a new name where words and exemplars say so", () => {
    const own = (label: string) =>
      new TopicTree(changed(({ id }) => (id === 2 ? { label, exemplars: [5, 9] } : {})));
    expect(sameTopic(own("old"), own("new"), 2)).toBe(2);
  });
  it("counts what holds passages, and groups", () => {
    expect(before.counts).toEqual({ topics: 5, groups: 2 });
  });
});

describe("a filter by topic", () => {
  it("is told from one that only speaks of topics", () => {
    expect(namesTopics("topic = 3")).toBe(true);
    expect(namesTopics('a = 1 AND ("topic" IN (3, 4))')).toBe(true);
    expect(namesTopics("title = 'the topic' AND subtopic = 3")).toBe(false);
  });
});

/** A server with an atlas that changes; counts what it is asked. */
let version = 1;
let tree: TopicsReply = topicsReply;
const asked: string[] = [];
const reply = (body: object, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
const answer = (url: string): Response => {
  asked.push(url);
  if (url.startsWith("api/atlas")) return reply(info(version));
  if (url.startsWith("api/topics")) return reply({ ...tree, version });
  if (url.startsWith("api/passages/404"))
    return reply({ error: { message: "no passage", kind: "not_found" } }, 404);
  return reply({ version, count: 3, rows: [], hits: [], topics: [] });
};

beforeEach(async () => {
  version = 1;
  tree = topicsReply;
  asked.length = 0;
  vi.stubGlobal("fetch", (url: string) => Promise.resolve(answer(url)));
  vi.stubGlobal("document", { title: "" });
  store.setSource(new ServerSource());
  store.atlas.value = null;
  store.topic.value = null;
  store.where.value = "";
  store.notice.value = null;
  await openAtlas();
});
afterEach(() => vi.unstubAllGlobals());

describe("an atlas that is changed elsewhere", () => {
  it("is noticed with the first answer, which nobody sees", async () => {
    store.topic.value = 2;
    const edition = store.edition.value;
    version = 2;
    tree = merged;
    const failure = await store.source().selection({ topic: 2 }, 0, 10).catch((error: unknown) => error);
    expect(wasCancelled(failure)).toBe(true);
    expect(store.atlas.value?.version).toBe(2);
    expect(store.topic.value).toBe(1);
    expect(store.tree.value?.label(1)).toBe("topic 2");
    expect(store.edition.value).toBe(edition + 1);
    expect(store.notice.value?.text).toBe(CHANGED);
    await expect(store.source().selection({ topic: 1 }, 0, 10)).resolves.toMatchObject({ count: 3 });
  });
  it("lets go of a topic that may be another, and of filters by topic", async () => {
    store.topic.value = 1;
    store.where.value = "topic = 1";
    version = 2;
    tree = merged;
    expect(await lookAgain()).toBe(true);
    expect(store.topic.value).toBeNull();
    expect(store.where.value).toBe("");
  });
  it("is loaded once, however many answers say so", async () => {
    version = 2;
    const before = asked.length;
    await Promise.allSettled([1, 2, 3].map((n) => store.source().passage(n)));
    expect(asked.slice(before).filter((url) => url === "api/topics")).toHaveLength(1);
  });
  it("is looked for where something is gone, but then says that it is", async () => {
    const same = await store.source().passage(404).catch((error: unknown) => error);
    expect(same).toMatchObject({ kind: "not_found" });
    version = 2;
    const other = await store.source().passage(404).catch((error: unknown) => error);
    expect(wasCancelled(other)).toBe(true);
  });
  it("says nothing where nothing was changed", async () => {
    expect(await lookAgain()).toBe(false);
    expect(store.notice.value).toBeNull();
  });
});

describe("a step back to before a change", () => {
  it("finds the topic by what it was then", async () => {
    version = 2;
    tree = merged;
    await lookAgain();
    expect(topicNow(3, 1)).toBe(2);
    expect(topicNow(1, 1)).toBeNull();
    expect(topicNow(2, 2)).toBe(2);
    expect(topicNow(2, "of long ago")).toBeNull();
  });
});

describe("an edit of this page", () => {
  it("takes the selected topic along by the answer's numbers", async () => {
    store.topic.value = 1;
    version = 2;
    tree = merged;
    await afterEdit(2, [{ old: 1, new: 0 }]);
    expect(store.topic.value).toBe(0);
    expect(store.notice.value).toBeNull();
  });
  it("does not trust them where another edit came in between", async () => {
    store.topic.value = 1;
    version = 3;
    tree = merged;
    await afterEdit(2, [{ old: 1, new: 0 }]);
    expect(store.topic.value).toBeNull();
    expect(store.notice.value?.text).toBe(CHANGED);
  });
});

describe("an unknown topic in the address", () => {
  it("is said once and let go of", async () => {
    store.atlas.value = null;
    store.topic.value = 99999;
    await openAtlas();
    expect(store.topic.value).toBeNull();
    expect(store.notice.value?.text).toBe("There is no topic 99999 in this atlas.");
  });
});

it("reads the version of a tile", () => {
  expect(versionOfTag('"0a1b2c3d-17-0-0-0"')).toBe("17");
  expect(versionOfTag('W/"0a1b2c3d-17-3-1-2-9"')).toBe("17");
  expect(versionOfTag(null)).toBeNull();
});
