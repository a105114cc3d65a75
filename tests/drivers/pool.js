// The load of bench/sql-failover by the mssql package, whose pool is tarn and whose driver is tedious; pool.py says what a
// load does and prints. The package hands out connections for a transaction only, so the idle ones are a pool of their own.
'use strict';
const sql = require('mssql');

const WORKERS = { idle: 10, read: 20, write: 10, transaction: 10 };
const PERIOD = { idle: 2500, read: 1000, write: 1000, transaction: 2000 }; // milliseconds
const TIMEOUT = 5000, THINK = 100;
const READ = 'SELECT n FROM bench_counter WHERE k = @k';
const WRITE = 'INSERT INTO bench_write (id, k) VALUES (@id, @k)';
const COUNT = 'UPDATE bench_counter SET n = n + 1 WHERE k = @k';

const sleep = (milliseconds) => new Promise((back) => setTimeout(back, milliseconds));
const now = () => Math.round((performance.timeOrigin + performance.now()) * 1000);
let written = 0;

async function opened(port, size) {
  const pool = await new sql.ConnectionPool({
    server: '127.0.0.1', port, user: 'sa', password: 'sqlnode', database: 'master', requestTimeout: TIMEOUT,
    connectionTimeout: TIMEOUT, pool: { min: size, max: size }, options: { encrypt: false, trustServerCertificate: true },
  }).connect();
  pool.on('error', () => {});
  await Promise.all(Array.from({ length: size }, () => pool.request().query('SELECT 1')));
  return pool;
}

function ask(on, text, key, row) {
  const request = new sql.Request(on).input('k', sql.NVarChar, key);
  if (row) request.input('id', sql.NVarChar, row);
  return request.query(text);
}

async function transaction(pool, key, row) {
  const one = new sql.Transaction(pool);
  one.on('error', () => {});
  await one.begin();
  let committing = false;
  try {
    await ask(one, READ, key);
    await sleep(THINK);
    await ask(one, WRITE, key, row);
    await ask(one, COUNT, key);
    committing = true;
    await one.commit();
  } catch (error) {
    error.stage = committing ? 'commit ' : '';
    await one.rollback().catch(() => {});
    throw error;
  }
}

const OPERATION = {
  idle: (pool, key) => ask(pool, READ, key), read: (pool, key) => ask(pool, READ, key),
  write: (pool, key, row) => ask(pool, WRITE, key, row), transaction,
};

async function once(kind, pool, key) {
  const row = kind === 'write' || kind === 'transaction' ? `${kind[0]}-mssql-${written++}` : '-';
  const begin = now();
  let number = 0, text = '';
  try {
    await OPERATION[kind](pool, key, row);
  } catch (error) {
    number = [error.number, error.originalError?.number].find(Number.isInteger) ?? -1;
    text = `${error.stage ?? ''}${error.code ?? ''} ${error.message}`.replace(/\s+/g, ' ').slice(0, 200);
  }
  process.stdout.write(`${begin} ${now()} ${kind[0]} ${row} ${number} ${text}\n`);
}

async function work(kind, pool, key) {
  await sleep(PERIOD[kind] * Math.random());
  while (true) {
    await once(kind, pool, key);
    await sleep(PERIOD[kind] * (0.9 + 0.2 * Math.random()));
  }
}

(async () => {
  const port = Number(process.argv[2]);
  const idle = await opened(port, WORKERS.idle), busy = await opened(port, 40);
  console.log('ready');
  for (const [kind, many] of Object.entries(WORKERS)) {
    for (let i = 0; i < many; ++i) work(kind, kind === 'idle' ? idle : busy, `mssql-${i % 10}`);
  }
})();
