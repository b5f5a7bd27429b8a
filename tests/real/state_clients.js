// Drives npm's `postgres` and `mariadb` through proxies that hit one request:
// node state_clients.js postgres|mariadb HOST PORT. It says "armed" before what shall be hit, and
// ends with 0 when nothing has run that it was told has failed.
"use strict";
const assert = require("node:assert/strict");

const [client, host, port] = process.argv.slice(2);

async function pg() {
  const sql = require("postgres")({ host, port: Number(port), user: "postgres",
    database: "postgres", max: 1, ssl: false, onnotice: () => {} });
  await sql`DROP TABLE IF EXISTS node_state`;
  await sql`CREATE TABLE node_state (a text)`;
  await assert.rejects(
    sql.begin(async (inside) => {
      await inside`INSERT INTO node_state VALUES ('lost')`;
      await armed();
    }),
    { code: "53200" },
  );
  await sql.begin((inside) => inside`INSERT INTO node_state VALUES (${"kept"})`);
  const rows = await sql`SELECT a FROM node_state`;
  assert.deepEqual(rows.map((row) => row.a), ["kept"]);
  await sql.end();
}

async function maria() {
  const connection = await require("mariadb").createConnection({ host, port: Number(port),
    user: "root", pipelining: true, ssl: false });
  await connection.query("CREATE DATABASE IF NOT EXISTS node_state");
  await connection.query("CREATE OR REPLACE TABLE node_state.t (a TEXT) ENGINE=InnoDB");
  await connection.execute("INSERT INTO node_state.t VALUES (?)", ["kept"]);
  await armed();
  await assert.rejects(
    connection.execute("DELETE FROM node_state.t WHERE a <> ?", ["gone"]),
    { errno: 1205 },
  );
  await connection.execute("INSERT INTO node_state.t VALUES (?)", ["later"]);
  const rows = await connection.query("SELECT a FROM node_state.t ORDER BY a");
  assert.deepEqual(rows.map((row) => row.a), ["kept", "later"]);
  await connection.end();
}

function armed() {
  return new Promise((resolve) => {
    process.stdin.once("data", resolve);
    console.log("armed");
  });
}

const done = (error) => {
  if (error) console.error(error);
  process.exit(error ? 1 : 0);
};
(client === "postgres" ? pg() : maria()).then(() => done(), done);
