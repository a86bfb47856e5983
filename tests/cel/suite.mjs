// Prints the conformance suite of CEL as one JSON array, a test an element.
import { createRequire } from 'node:module';

const { tests } = createRequire(import.meta.url)('@bufbuild/cel-spec/testdata/conformance.js');

function flatten(suite, path) {
    const own = (suite.tests ?? []).map(({ original }) => ({ file: path[0], section: path[1], ...original }));
    return [...own, ...(suite.suites ?? []).flatMap((inner) => flatten(inner, [...path, inner.name]))];
}

// JSON as JavaScript writes it has no negative zero
const written = (_, value) => (Object.is(value, -0) ? '-0' : value);
console.log(JSON.stringify(flatten(tests, []), written, 1));
