// What scenario.py is to the Python programs: the command line, one JSON line a scenario, values written alike.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const read = (name) => fs.readFileSync(path.join(__dirname, name), 'utf8');

class Cannot extends Error {}

function short(data) {
  return `${data.length} ${crypto.createHash('sha256').update(data).digest('hex').slice(0, 16)}`;
}

function text(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (Buffer.isBuffer(value)) return value.length < 100 ? value.toString('hex') : short(value);
  if (value instanceof Date) {
    const iso = value.toISOString().replace('T', ' ').slice(0, 23);
    return iso.endsWith(' 00:00:00.000') ? iso.slice(0, 10) : iso;
  }
  if (typeof value === 'number') return String(value);
  if (/^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/.test(value)) return value.toLowerCase();
  return value.length < 100 ? value : short(Buffer.from(value));
}

async function tell(place, name, scenario) {
  const line = { place: place.label, name };
  try {
    line.result = await scenario(place);
  } catch (error) {
    if (error instanceof Cannot) line.skip = error.message;
    else line.failed = `${error.name}: ${error.message}`.slice(0, 300);
  }
  console.log(JSON.stringify(line));
}

async function run(scenarios) {
  const [ca, ...places] = process.argv.slice(2);
  for (const words of places) {
    const [label, encryption, port] = words.split(':');
    const place = { label, encryption, port: Number(port), host: 'localhost', authority: fs.readFileSync(ca) };
    for (const [name, scenario] of Object.entries(scenarios)) await tell(place, name, scenario);
  }
  process.exit(0);
}

module.exports = {
  LARGE: 1 << 20, TYPES: read('types.sql'), NULLS: read('nulls.sql'), Cannot, run,
  rows: (found) => found.map((row) => row.map(text)),
};
