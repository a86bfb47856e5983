// Clerk's JavaScript SDK through a running gateway (config/quickstart.yaml) to the built-in stand-in.
// Usage: node e2e.mjs http://127.0.0.1:PORT
// Every secret sent here contains the word `canary`, for which .ci/sdk then looks in the gateway's log.
import assert from 'node:assert/strict';
import { createClerkClient } from '@clerk/backend';
import { isClerkAPIResponseError } from '@clerk/backend/errors';

const apiUrl = process.argv[2];
const client = (secretKey) => createClerkClient({ secretKey, apiUrl, telemetry: { disabled: true } }).users;
const live = client('sk_live_canary');
const test = client('sk_test_canary');

let failures = 0;
async function check(name, run) {
  try {
    await run();
    console.log(`ok    js      ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  js      ${name}: ${error.message.split('\n').slice(0, 4).join(' ')}`);
  }
}

async function failure(promise) {
  const error = await promise.then(() => assert.fail('the call was not refused'), (error) => error);
  assert.ok(isClerkAPIResponseError(error), `not a ClerkAPIResponseError: ${error.message}`);
  return error;
}

async function refused(promise) {
  const error = await failure(promise);
  assert.equal(error.status, 422);
  assert.equal(error.errors[0].code, 'gateway_policy_denied');
  assert.equal(error.errors[0].meta.paramName, 'skip_password_checks');
  assert.ok(error.errors[0].message && error.errors[0].longMessage && error.clerkTraceId);
}

const tag = `js${Date.now()}`;
const created = await live.createUser({
  emailAddress: [`${tag}-1@example.com`, `${tag}-2@example.com`],
  phoneNumber: ['+15555550110', '+15555550111'],
  web3Wallet: ['0x00000000000000000000000000000000000000a1', '0x00000000000000000000000000000000000000a2'],
  username: tag,
  password: 'canary long enough',
});
const id = created.id;
const date = new Date('2012-10-20T07:15:20.902Z');
const digest = { passwordDigest: '$2a$10$canary', passwordHasher: 'bcrypt' };

// Every parameter of updateUser(), with what the answer must then show. Some change nothing that a user shows.
const parameters = [
  [{ externalId: `${tag}-ext` }, (user) => assert.equal(user.externalId, `${tag}-ext`)],
  [{ firstName: 'Zoë 👋' }, (user) => assert.equal(user.firstName, 'Zoë 👋')],
  [{ lastName: 'Nguyễn' }, (user) => assert.equal(user.lastName, 'Nguyễn')],
  [{ firstName: null, lastName: null }, (user) => assert.equal(user.fullName, null)],
  [{ primaryEmailAddressID: created.emailAddresses[1].id, notifyPrimaryEmailAddressChanged: true },
    (user) => assert.equal(user.primaryEmailAddress.emailAddress, `${tag}-2@example.com`)],
  [{ primaryPhoneNumberID: created.phoneNumbers[1].id },
    (user) => assert.equal(user.primaryPhoneNumber.phoneNumber, '+15555550111')],
  [{ primaryWeb3WalletID: created.web3Wallets[1].id },
    (user) => assert.ok(user.primaryWeb3Wallet.web3Wallet.endsWith('a2'))],
  [{ username: `${tag}_renamed` }, (user) => assert.equal(user.username, `${tag}_renamed`)],
  [{ profileImageID: 'img_portcullis' }, (user) => assert.ok(user.hasImage && user.imageUrl.endsWith('img_portcullis'))],
  [{ password: 'canary another' }, (user) => assert.equal(user.passwordEnabled, true)],
  [{ password: 'canary yet another', signOutOfOtherSessions: true }, (user) => assert.equal(user.passwordEnabled, true)],
  [digest, (user) => assert.equal(user.passwordEnabled, true)],
  [{ skipPasswordChecks: false }, (user) => assert.equal(user.id, id)],
  [{ skipPasswordRequirement: true }, (user) => assert.equal(user.id, id)],
  [{ totpSecret: 'canary-totp' }, (user) => assert.ok(user.totpEnabled && user.twoFactorEnabled)],
  [{ backupCodes: ['canary-1', 'canary-2'] }, (user) => assert.equal(user.backupCodeEnabled, true)],
  [{ deleteSelfEnabled: false }, (user) => assert.equal(user.deleteSelfEnabled, false)],
  [{ createOrganizationEnabled: false }, (user) => assert.equal(user.createOrganizationEnabled, false)],
  [{ createOrganizationsLimit: 3 }, (user) => assert.equal(user.createOrganizationsLimit, 3)],
  [{ legalAcceptedAt: date }, (user) => assert.equal(user.legalAcceptedAt, date.getTime())],
  [{ skipLegalChecks: true }, (user) => assert.equal(user.id, id)],
  [{ createdAt: date }, (user) => assert.equal(user.createdAt, date.getTime())],
  [{ locale: 'vi-VN' }, (user) => assert.equal(user.locale, 'vi-VN')],
  [{ timezone: 'Asia/Ho_Chi_Minh' }, (user) => assert.equal(user.timezone, 'Asia/Ho_Chi_Minh')],
  [{ bypassClientTrust: true }, (user) => assert.equal(user.raw.bypass_client_trust, true)],
  [{ publicMetadata: { Plan: 'pro' } }, (user) => assert.deepEqual(user.publicMetadata, { Plan: 'pro' })],
  [{ privateMetadata: { snake_case: 'canary' } }, (user) => assert.deepEqual(user.privateMetadata, { snake_case: 'canary' })],
  [{ unsafeMetadata: { camelCase: [1.5, null] } }, (user) => assert.deepEqual(user.unsafeMetadata, { camelCase: [1.5, null] })],
];
for (const [params, shows] of parameters) {
  await check(`updateUser ${Object.keys(params).join(', ')}`, async () => shows(await live.updateUser(id, params)));
}
await check('updateUser with every parameter at once', async () => {
  const all = Object.assign({}, ...parameters.map(([params]) => params), { firstName: 'All', lastName: 'Fields' });
  const user = await live.updateUser(id, all);
  assert.equal(user.fullName, 'All Fields');
  assert.deepEqual(user.publicMetadata, { Plan: 'pro' });
});
await check('updateUser without parameters', async () => assert.equal((await live.updateUser(id)).id, id));

await check('updateUserMetadata merges', async () => {
  const user = await live.updateUserMetadata(id, { publicMetadata: { Seats: { max: 5 }, Plan: null } });
  assert.deepEqual(user.publicMetadata, { Seats: { max: 5 } });
  assert.deepEqual(user.privateMetadata, { snake_case: 'canary' });
});
await check('replaceUserMetadata replaces', async () => {
  const user = await live.replaceUserMetadata(id, { publicMetadata: { Fresh: true } });
  assert.deepEqual(user.publicMetadata, { Fresh: true });
  assert.deepEqual(user.privateMetadata, { snake_case: 'canary' });
});
await check('replaceUserMetadata with null empties', async () => {
  assert.deepEqual((await live.replaceUserMetadata(id, { publicMetadata: null })).publicMetadata, {});
});

await check('updateUser skipPasswordChecks with a production key is refused', () =>
  refused(live.updateUser(id, { password: 'canary', skipPasswordChecks: true })));
await check('createUser skipPasswordChecks with a production key is refused', () =>
  refused(live.createUser({ username: `${tag}_no`, password: 'canary', skipPasswordChecks: true })));
await check('updateUser skipPasswordChecks with a development key passes', async () => {
  const user = await test.updateUser(id, { password: 'canary', skipPasswordChecks: true });
  assert.equal(user.passwordEnabled, true);
});

await check('getUserList', async () => {
  const { data, totalCount } = await live.getUserList({ userId: [id], limit: 5 });
  assert.deepEqual([data.map((user) => user.id), totalCount], [[id], 1]);
});
await check('getCount', async () => assert.ok((await live.getCount()) >= 1));
await check('getUser of an unknown user', async () => {
  const error = await failure(live.getUser('user_portcullis_nobody'));
  assert.deepEqual([error.status, error.errors[0].code], [404, 'resource_not_found']);
});
await check('deleteUser', async () => {
  assert.equal((await live.deleteUser(id)).deleted, true);
  assert.equal((await failure(live.getUser(id))).status, 404);
});

process.exitCode = failures === 0 ? 0 : 1;
