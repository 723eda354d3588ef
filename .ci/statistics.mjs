// Compares /v1/statistics with what is expected, as of the last event of the log:
//   node statistics.mjs URL FILE-WITH-LAST-EVENT users.total=28785 …
import { readFileSync } from 'node:fs';

const [url, last, ...expected] = process.argv.slice(2);
const position = JSON.parse(readFileSync(last, 'utf8')).position;
const begun = Date.now();
const patience = 300_000;

// ask waits for the views: the server itself waits no longer than five seconds.
async function ask() {
  for (;;) {
    const answer = await fetch(`${url}/v1/statistics`, {
      headers: { 'Sical-Min-Position': String(position), Prefer: 'wait=5' },
    });
    if (answer.ok) return answer.json();
    const text = await answer.text();
    if (answer.status !== 503 || Date.now() - begun > patience) throw new Error(`${answer.status}: ${text}`);
  }
}

const statistics = await ask();
console.log(`views at position ${position} after ${((Date.now() - begun) / 1000).toFixed(1)} s`);
let wrong = 0;
for (const pair of expected) {
  const [name, want] = pair.split('=');
  const got = name.split('.').reduce((at, key) => at?.[key], statistics);
  const same = Number(got) === Number(want) && got !== null && got !== undefined;
  if (!same) wrong++;
  console.log(`${same ? 'ok    ' : 'WRONG '} ${name} = ${got}${same ? '' : `, not ${want}`}`);
}
process.exit(wrong ? 1 : 0);
