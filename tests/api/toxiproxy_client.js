// Drives Toxiproxy's API with the unmodified npm client: node toxiproxy_client.js URL UPSTREAM
// It ends with 0 when all is as the client's own tests want it.
"use strict";
const assert = require("node:assert/strict");
const net = require("node:net");
const { Toxiproxy } = require("toxiproxy-node-client");

const [url, upstream] = process.argv.slice(2);
const toxiproxy = new Toxiproxy(url);
const TOXICS = {
  latency: { latency: 1000, jitter: 100 },
  bandwidth: { rate: 1000 },
  slow_close: { delay: 1000 },
  timeout: { timeout: 1000 },
  reset_peer: { timeout: 1000 },
  slicer: { average_size: 5, size_variation: 1, delay: 10 },
  limit_data: { bytes: 1000 },
  noop: {},
};

const failing = (promise, status) =>
  assert.rejects(promise, { message: `Request failed with status code ${status}` });

function ask(proxy, text) {
  const [host, port] = proxy.listen.split(":");
  return new Promise((resolve, reject) => {
    const started = Date.now();
    const socket = net.connect(Number(port), host, () => socket.write(text));
    socket.on("data", (data) => {
      socket.destroy();
      resolve([data.toString(), Date.now() - started]);
    });
    socket.on("end", () => resolve(["", Date.now() - started]));
    socket.on("error", reject);
  });
}

async function proxies() {
  assert.equal(JSON.parse(await toxiproxy.getVersion()).version, "2.12.0");
  const body = { listen: "localhost:0", name: "redis", upstream };
  const proxy = await toxiproxy.createProxy(body);
  assert.match(proxy.listen, /^127\.0\.0\.1:\d+$/);
  assert.equal(proxy.enabled, true);
  await failing(toxiproxy.createProxy(body), 409);
  await failing(toxiproxy.createProxy({ name: "x" }), 400);
  await failing(toxiproxy.get("nope"), 404);
  assert.deepEqual((await toxiproxy.get("redis")).toJson(), proxy.toJson());
  assert.deepEqual(Object.keys(await toxiproxy.getAll()), ["redis"]);

  const { listen } = proxy;
  const off = await proxy.update({ enabled: false, listen, upstream });
  assert.deepEqual([off.enabled, off.listen], [false, listen]);
  await assert.rejects(ask(off, "x"), { code: "ECONNREFUSED" });
  const on = await proxy.update({ enabled: true, listen, upstream });
  assert.deepEqual([on.enabled, on.listen], [true, listen]);
  assert.equal((await ask(on, "ping"))[0], "ping");

  const two = await toxiproxy.populate([
    { name: "redis", listen, upstream },
    { name: "mysql", listen: "localhost:0", upstream },
  ]);
  assert.deepEqual(Object.keys(two), ["redis", "mysql"]);
  await two.mysql.remove();
  await failing(toxiproxy.get("mysql"), 404);
  return on;
}

async function toxics(proxy) {
  for (const [type, attributes] of Object.entries(TOXICS)) {
    const toxic = await proxy.addToxic({ type, attributes });
    assert.equal(toxic.name, `${type}_downstream`);
    assert.equal(toxic.toxicity, 1);
    assert.deepEqual(toxic.attributes, attributes);
    await failing(proxy.addToxic({ type, attributes }), 409);
    assert.deepEqual((await proxy.getToxic(toxic.name)).toJson(), toxic.toJson());
    const changed = await toxic.update({ ...toxic.toJson(), toxicity: 0.5 });
    assert.equal(changed.toxicity, 0.5);
    await changed.remove();
    await failing(proxy.getToxic(toxic.name), 404);
  }
  await failing(proxy.addToxic({ type: "nope", attributes: {} }), 400);
  await proxy.addToxic({ type: "latency", attributes: { latency: 200, jitter: 0 } });
  const [text, took] = await ask(proxy, "late");
  assert.equal(text, "late");
  assert.ok(took >= 199 && took < 1000, `took ${took} ms`);
  await toxiproxy.reset();
  await failing(proxy.getToxic("latency_downstream"), 404);
}

proxies()
  .then(toxics)
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
