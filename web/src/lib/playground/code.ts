// A result as a program that gets it again. Pure.
import { bodyOf, pathOf, repeating, type Body } from './request';
import type { Row } from './results';

/** How a program proves itself: by a token of Galley, by a key of `galley serve`, or not at all. */
export type Proof = 'GALLEY_TOKEN' | 'GALLEY_API_KEY' | undefined;

export const bodyOfRow = (row: Row): Body => bodyOf(row.form, row.model, row.prompt, repeating(row.parameters, row.how));

/** For any POSIX shell. */
const shellQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export function curlOf(origin: string, row: Row, proof: Proof): string {
  const lines = [
    `curl -sS ${shellQuoted(origin + pathOf(row.form))}`,
    `  -H 'Content-Type: application/json'`,
    ...(proof ? [`  -H "Authorization: Bearer $${proof}"`] : []),
    `  -d ${shellQuoted(JSON.stringify(bodyOfRow(row)))}`,
  ];
  return lines.join(' \\\n');
}

/** JSON's texts are Python's too, but for the parts of a pair that stand alone, which JSON.stringify escapes. */
function python(value: unknown, indent: string): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (Array.isArray(value)) return `[${value.map((one) => python(one, indent)).join(', ')}]`;
  if (typeof value === 'object') {
    const inner = `${indent}    `;
    const entries = Object.entries(value).map(([name, one]) => `${inner}${JSON.stringify(name)}: ${python(one, inner)},`);
    return `{\n${entries.join('\n')}\n${indent}}`;
  }
  return JSON.stringify(value);
}

/** Python with nothing installed. */
export function pythonOf(origin: string, row: Row, proof: Proof): string {
  const headers = [`"Content-Type": "application/json"`, ...(proof ? [`"Authorization": "Bearer " + os.environ["${proof}"]`] : [])];
  return [
    `import json`,
    ...(proof ? [`import os`] : []),
    `import urllib.request`,
    ``,
    `body = ${python(bodyOfRow(row), '')}`,
    `request = urllib.request.Request(`,
    `    ${JSON.stringify(origin + pathOf(row.form))},`,
    `    data=json.dumps(body).encode(),`,
    `    headers={${headers.join(', ')}},`,
    `)`,
    `with urllib.request.urlopen(request) as response:`,
    `    answer = json.load(response)`,
    `print(answer["choices"][0]${row.form === 'chat' ? '["message"]["content"]' : '["text"]'})`,
    ``,
  ].join('\n');
}
