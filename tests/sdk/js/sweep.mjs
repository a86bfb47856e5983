// Every public method of Clerk's JavaScript SDK once, through each gateway that is named, with arguments made from its types.
// Usage: node sweep.mjs NAME=http://127.0.0.1:PORT ...
// Prints a JSON line for each call, which tests/sdk/sweep.py judges: see there.
import { createHash, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

// The SDK binds `fetch` when it is loaded, so this stands in its place before.
let requests = [];
const send = globalThis.fetch;
globalThis.fetch = async (url, init) => {
  const trace = randomBytes(16).toString('hex');
  const headers = new Headers(init.headers);
  // by the trace id the log of the gateway and the upstream know the request
  headers.set('traceparent', `00-${trace}-${trace.slice(0, 16)}-01`);
  const { pathname, search } = new URL(url);
  const request = {
    trace,
    method: init.method,
    target: pathname + search,
    version: headers.get('clerk-api-version'),
    body: init.body instanceof FormData ? null : createHash('sha256').update(init.body ?? '').digest('hex'),
    status: null,
  };
  requests.push(request);
  const response = await send(url, { ...init, headers, signal: AbortSignal.timeout(10_000) });
  request.status = response.status;
  return response;
};
const { createClerkClient } = await import('@clerk/backend');

// The compiler resolves what the declarations only name: `ClerkPaginationRequest<...>`, `WithSign<...>`, intersections.
const probe = fileURLToPath(new URL('probe.ts', import.meta.url));
const options = {
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  target: ts.ScriptTarget.ESNext,
  strict: true,
  skipLibCheck: true,
  types: [],
};
const host = ts.createCompilerHost(options);
const read = host.getSourceFile;
host.getSourceFile = (name, language) =>
  name === probe
    ? ts.createSourceFile(name, "export type { ClerkClient } from '@clerk/backend';", language)
    : read(name, language);
const program = ts.createProgram([probe], options, host);
const checker = program.getTypeChecker();
const source = program.getSourceFile(probe);
const [exported] = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
const clientType = checker.getDeclaredTypeOfSymbol(checker.getAliasedSymbol(exported));
const member = (type, name) => {
  const property = type.getProperty(name);
  if (!property) throw new Error(`\`${name}\` is in no type of the SDK`);
  return checker.getTypeOfSymbol(property);
};

// Where the contract asks for more than the type does: strings and numbers by the names of their parameters.
const STRINGS = {
  blockedCountryCodes: 'VN',
  createdBy: `user_${'a'.repeat(27)}`,
  emailAddress: 'canary@example.com',
  permissions: '*',
  redirectUrl: 'https://example.com/canary',
  // the spec: such keys begin with `role_set:`, and a colon in a path was once taken for ambiguous
  roleSetKeyOrId: 'role_set:default',
  subject: `user_${'a'.repeat(27)}`,
};
const NUMBERS = { expiresInSeconds: 60, lifetime: 60 };

const isNothing = (type) => Boolean(type.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null | ts.TypeFlags.Void));
const size = (type) => (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection) ? type.getProperties().length : 0);

// A value of the type, with every optional part filled.
function value(type, name) {
  if (type.isUnion()) {
    // of `Details | object` the details
    const parts = type.types.filter((part) => !isNothing(part)).sort((a, b) => size(b) - size(a));
    return parts.some((part) => part.flags & ts.TypeFlags.BooleanLiteral) ? true : value(parts[0], name);
  }
  if (type.isLiteral()) return type.value;
  if (type.flags & ts.TypeFlags.TemplateLiteral) return type.texts.join('canary');
  if (type.flags & ts.TypeFlags.StringLike) return STRINGS[name] ?? 'canary';
  if (type.flags & ts.TypeFlags.NumberLike) return NUMBERS[name] ?? 1;
  if (type.flags & ts.TypeFlags.BooleanLike) return true;
  if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.NonPrimitive)) return { key: 'canary' };
  if (checker.isArrayType(type)) return [value(checker.getTypeArguments(type)[0], name)];
  const symbol = type.getSymbol()?.getName();
  if (symbol === 'Date') return new Date('2030-01-01T00:00:00Z');
  if (symbol === 'Blob' || symbol === 'File') return new File(['canary'], 'canary.png', { type: 'image/png' });
  if (symbol === 'Headers') return new Headers({ 'x-sweep': 'canary' });
  if (!(type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection))) {
    throw new Error(`\`${name}\` is of a type for which sweep.mjs makes no value: ${checker.typeToString(type)}`);
  }
  const index = type.getStringIndexType();
  if (index && type.getProperties().length === 0) return { key: value(index, name) };
  const properties = type.getProperties().map((property) => [property.name, checker.getTypeOfSymbol(property)]);
  // one that may only be absent (`userId?: never`) is what sets this alternative apart from another
  const sent = properties.filter(([, kind]) => !isNothing(kind) && !(kind.flags & ts.TypeFlags.Never));
  return Object.fromEntries(sent.map(([key, kind]) => [key, value(kind, key)]));
}

const argumentsOf = (type) =>
  type.getCallSignatures()[0].getParameters().map((one) => value(checker.getTypeOfSymbol(one), one.name));

// Every resource of the client and every method of it, as they are at run time.
function* methods(client) {
  for (const [resource, api] of Object.entries(client)) {
    const prototype = Object.getPrototypeOf(api);
    // all resources have one base class, with `requireId`; the telemetry and the functions of the client have not
    if (typeof api !== 'object' || typeof api.requireId !== 'function') continue;
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (name !== 'constructor' && typeof api[name] === 'function') yield [resource, name];
    }
  }
}

for (const [bundle, apiUrl] of process.argv.slice(2).map((argument) => argument.split(/=(.*)/))) {
  const client = createClerkClient({ secretKey: 'sk_live_canary', apiUrl, telemetry: { disabled: true } });
  for (const [resource, name] of methods(client)) {
    requests = [];
    let error = null;
    try {
      await client[resource][name](...argumentsOf(member(member(clientType, resource), name)));
    } catch (caught) {
      // the upstream's answer is `{}`, which not every method can read
      error = String(caught.message).slice(0, 200);
    }
    console.log(JSON.stringify({ bundle, call: `${resource}.${name}`, requests, error }));
  }
}
