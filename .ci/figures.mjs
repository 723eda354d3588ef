// Compares answers with what is expected, as of the last event of the log:
//   node figures.mjs URL FILE-WITH-LAST-EVENT users.total=28785 'trending-points?at=2013-10-20:items.0.score=7' …
// A figure without a question is one of /v1/statistics.
import { readFileSync } from 'node:fs';

const [url, last, ...expected] = process.argv.slice(2);
const position = JSON.parse(readFileSync(last, 'utf8')).position;
const begun = Date.now();
const patience = 300_000;
const answers = new Map();
const right = new Map();

// ask waits for the views: the server itself waits no longer than five seconds.
async function ask(question) {
  for (;;) {
    const answer = await fetch(`${url}/v1/${question}`, {
      headers: { 'Sical-Min-Position': String(position), Prefer: 'wait=5' },
    });
    if (answer.ok) return answer.json();
    const text = await answer.text();
    if (answer.status !== 503 || Date.now() - begun > patience) throw new Error(`${answer.status}: ${text}`);
  }
}

let wrong = expected.length ? 0 : 1; // what is to be compared has to be there
for (const pair of expected) {
  const [, question = 'statistics', name, want] = pair.match(/^(?:([^:]+):)?([^=]+)=(.*)$/);
  if (!answers.has(question)) {
    answers.set(question, await ask(question));
    right.set(question, 0);
  }
  const got = name.split('.').reduce((at, key) => at?.[key], answers.get(question));
  const same = want !== '' && got !== null && got !== undefined && (String(got) === want || Number(got) === Number(want));
  if (same) {
    right.set(question, right.get(question) + 1);
    continue;
  }
  wrong++;
  console.log(`WRONG ${question}: ${name} = ${got}, not ${want}`);
}
for (const [question, figures] of right) console.log(`right: ${figures} figures of ${question}`);
console.log(`at position ${position}, after ${((Date.now() - begun) / 1000).toFixed(1)} s`);
process.exit(wrong ? 1 : 0);
