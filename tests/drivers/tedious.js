// tedious, which encrypts everything or nothing.
'use strict';
const { Connection, Request, TYPES } = require('tedious');
const { LARGE, NULLS, TYPES: TYPES_SQL, rows, run } = require('./scenario.js');

function options(place) {
  return {
    server: place.host,
    authentication: { type: 'default', options: { userName: 'sa', password: 'sqlnode' } },
    options: {
      port: place.port, database: 'master', appName: 'drivers', requestTimeout: 20000, connectTimeout: 10000,
      encrypt: { off: false, on: true, strict: 'strict' }[place.encryption],
      trustServerCertificate: place.encryption !== 'strict',
      cryptoCredentialsDetails: { ca: place.authority },
    },
  };
}

// A callback of the driver's as a promise.
const done = (start) => new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))));

async function opened(place, use) {
  const connection = new Connection(options(place));
  await done((back) => connection.connect(back));
  connection.on('error', () => {});
  try {
    return await use(connection);
  } finally {
    connection.close();
  }
}

// The result sets of a statement. `how` is the driver's method that sends it.
async function sets(connection, sql, values = [], how = 'execSql', starts = () => {}) {
  const found = [];
  await done((back) => {
    const request = new Request(sql, back);
    request.on('columnMetadata', () => found.push([]));
    request.on('row', (columns) => found.at(-1).push(columns.map((column) => column.value)));
    for (const [name, type, value, more] of values) request.addParameter(name, type, value, more);
    starts(request);
    connection[how](request);
  });
  return found.map(rows);
}

const asked = async (connection, sql, values) => (await sets(connection, sql, values))[0] ?? [];

async function table(connection, name, columns) {
  await sets(connection, `DROP TABLE IF EXISTS ${name}; CREATE TABLE ${name} (${columns})`, [], 'execSqlBatch');
  return name;
}

const connect = (place) => opened(place, (c) => asked(c, 'SELECT DB_NAME(), SUSER_SNAME(), APP_NAME()'));
const types = (place) => opened(place, (c) => asked(c, TYPES_SQL));
const nulls = (place) => opened(place, (c) => asked(c, NULLS));
const results = (place) => opened(place, (c) =>
  sets(c, 'SELECT 1 AS a; SELECT 2 AS b, 3 AS c; SELECT 4 AS d WHERE 1 = 0', [], 'execSqlBatch'));

const parameters = (place) => opened(place, (c) => asked(c, 'SELECT @i + 1, @s, @y, @n', [
  ['i', TYPES.Int, 41], ['s', TYPES.NVarChar, 'Grüße'], ['y', TYPES.VarBinary, Buffer.from([0, 255, 16])],
  ['n', TYPES.NVarChar, null]]));

const prepared = (place) => opened(place, async (c) => {
  const name = await table(c, 'driver_prepared', 'id INT NOT NULL PRIMARY KEY, s NVARCHAR(50) NULL');
  const insert = await prepare(c, `INSERT INTO ${name} (id, s) VALUES (@i, @s)`, [['i', TYPES.Int], ['s', TYPES.NVarChar]]);
  const select = await prepare(c, `SELECT s FROM ${name} WHERE id = @i`, [['i', TYPES.Int]]);
  for (const [i, s] of [[1, 'one'], [2, 'two'], [3, null]]) await insert({ i, s });
  const found = [];
  for (const i of [3, 2, 1, 4]) found.push(await select({ i }));
  return found;
});

// A prepared statement as a function from its parameters to rows.
async function prepare(connection, sql, names) {
  let back;
  let found = [];
  const request = new Request(sql, (error) => back(error));
  for (const [name, type] of names) request.addParameter(name, type);
  request.on('row', (columns) => found.push(columns.map((column) => column.value)));
  await done((ready) => {
    back = ready;
    request.on('prepared', () => ready());
    connection.prepare(request);
  });
  return async (values) => {
    found = [];
    await done((ready) => {
      back = ready;
      connection.execute(request, values);
    });
    return rows(found);
  };
}

const transaction = (name, ending) => (place) => opened(place, async (c) => {
  await table(c, name, 'id INT NOT NULL PRIMARY KEY');
  await done((back) => c.beginTransaction(back));
  await sets(c, `INSERT INTO ${name} (id) VALUES (1)`);
  const inside = await asked(c, `SELECT COUNT(*) FROM ${name}`);
  await done((back) => c[ending](back));
  return inside.concat(await asked(c, `SELECT COUNT(*) FROM ${name}`));
});

const cancel = (place) => opened(place, async (c) => {
  try {
    await sets(c, "WAITFOR DELAY '00:00:10'", [], 'execSqlBatch', () => setTimeout(() => c.cancel(), 200));
  } catch (error) {
    return [error.code === 'ECANCEL' ? 'cancelled' : error.message, await asked(c, 'SELECT 1')];
  }
});

const timeout = (place) => opened(place, async (c) => {
  try {
    await sets(c, "WAITFOR DELAY '00:00:10'", [], 'execSqlBatch', (request) => request.setTimeout(300));
  } catch (error) {
    return [error.code === 'ETIMEOUT' ? 'timed out' : error.message, await asked(c, 'SELECT 1')];
  }
});

const bulk = (place) => opened(place, async (c) => {
  const name = await table(c, 'driver_bulk', 'id INT NOT NULL PRIMARY KEY, s NVARCHAR(50) NULL');
  await done((back) => {
    const load = c.newBulkLoad(name, back);
    load.addColumn('id', TYPES.Int, { nullable: false });
    load.addColumn('s', TYPES.NVarChar, { length: 50, nullable: true });
    c.execBulkLoad(load, Array.from({ length: 2000 }, (_, id) => ({ id, s: id % 3 ? `row ${id}` : null })));
  });
  return asked(c, `SELECT COUNT(*), SUM(CAST(id AS BIGINT)), COUNT(s) FROM ${name}`);
});

const large = (place) => opened(place, async (c) => {
  const name = await table(c, 'driver_large', 'id INT NOT NULL PRIMARY KEY, s NVARCHAR(MAX) NULL, y VARBINARY(MAX) NULL');
  await sets(c, `INSERT INTO ${name} (id, s, y) VALUES (@i, @s, @y)`, [
    ['i', TYPES.Int, 1], ['s', TYPES.NVarChar, '0123456789abcdef'.repeat(LARGE / 16)],
    ['y', TYPES.VarBinary, Buffer.from(Array.from({ length: LARGE }, (_, at) => at % 256))]]);
  return asked(c, `SELECT id, s, y, LEN(s), DATALENGTH(y) FROM ${name}`);
});

const errors = (place) => opened(place, async (c) => {
  const name = await table(c, 'driver_errors', 'id INT NOT NULL PRIMARY KEY');
  const found = [];
  for (const sql of [`INSERT INTO ${name} (id) VALUES (1)`, 'SELECT FROM WHERE', 'SELECT 1 / 0',
    `INSERT INTO ${name} (id) VALUES (1)`, `INSERT INTO ${name} (id) VALUES (NULL)`, 'SELECT * FROM no_such_table',
    "RAISERROR('mine', 16, 1)", "THROW 50001, 'mine', 1"]) {
    try {
      await sets(c, sql, [], 'execSqlBatch');
      found.push(0);
    } catch (error) {
      found.push(error.number);
    }
  }
  return [found, await asked(c, `SELECT COUNT(*) FROM ${name}`)];
});

const reset = (place) => opened(place, async (c) => {
  const before = await asked(c, 'SELECT @@SPID');
  await sets(c, 'CREATE TABLE #left (id INT); USE tempdb', [], 'execSqlBatch');
  await done((back) => c.reset(back));
  return [String(before) === String(await asked(c, 'SELECT @@SPID')),
    await asked(c, "SELECT OBJECT_ID('tempdb..#left'), DB_NAME()")];
});

run({ connect, types, nulls, results, parameters, prepared, commit: transaction('driver_commit', 'commitTransaction'),
  rollback: transaction('driver_rollback', 'rollbackTransaction'), cancel, timeout, bulk, large, errors, reset });
