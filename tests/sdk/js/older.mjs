// Older majors of Clerk's JavaScript SDK through a running gateway (config/quickstart.yaml) to the built-in stand-in: what
// they send to update a user arrives as they send it. They ask for older API versions and put metadata into the update.
// Usage: node older.mjs http://127.0.0.1:PORT
// Every secret sent here contains the word `canary`, for which .ci/sdk then looks in the gateway's log.
import assert from 'node:assert/strict';
import * as one from 'clerk-backend-1';
import * as two from 'clerk-backend-2';

const apiUrl = process.argv[2];
let failures = 0;

async function check(name, run) {
  try {
    await run();
    console.log(`ok    js ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  js ${name}: ${error.message.split('\n').slice(0, 4).join(' ')}`);
  }
}

async function updates(major, sdk) {
  const { users } = sdk.createClerkClient({ secretKey: 'sk_live_canary', apiUrl, telemetry: { disabled: true } });
  const tag = `js${major}${Date.now()}`;
  const created = await users.createUser({
    emailAddress: [`${tag}-1@example.com`, `${tag}-2@example.com`],
    phoneNumber: ['+15555550130'],
    username: tag,
    password: 'canary long enough',
    publicMetadata: { made: { by: major } },
  });
  const id = created.id;
  const date = new Date('2012-10-20T07:15:20.902Z');

  // Every parameter of updateUser() of the time, with what the answer must then show.
  const parameters = [
    [{ externalId: `${tag}-ext` }, (user) => assert.equal(user.externalId, `${tag}-ext`)],
    [{ firstName: 'Zoë 👋', lastName: null }, (user) => assert.deepEqual([user.firstName, user.lastName], ['Zoë 👋', null])],
    [{ primaryEmailAddressID: created.emailAddresses[1].id, notifyPrimaryEmailAddressChanged: true },
      (user) => assert.equal(user.primaryEmailAddress.emailAddress, `${tag}-2@example.com`)],
    [{ primaryPhoneNumberID: created.phoneNumbers[0].id }, (user) => assert.ok(user.primaryPhoneNumber)],
    [{ username: `${tag}_renamed` }, (user) => assert.equal(user.username, `${tag}_renamed`)],
    [{ profileImageID: 'img_portcullis' }, (user) => assert.ok(user.hasImage)],
    [{ password: 'canary another', signOutOfOtherSessions: true }, (user) => assert.ok(user.passwordEnabled)],
    [{ passwordDigest: '$2a$10$canary', passwordHasher: 'bcrypt' }, (user) => assert.ok(user.passwordEnabled)],
    [{ skipPasswordChecks: false }, (user) => assert.equal(user.id, id)],
    [{ skipPasswordRequirement: true }, (user) => assert.equal(user.id, id)],
    [{ totpSecret: 'canary-totp', backupCodes: ['canary-1'] }, (user) => assert.ok(user.totpEnabled && user.backupCodeEnabled)],
    [{ deleteSelfEnabled: false, createOrganizationEnabled: false, createOrganizationsLimit: 3 },
      (user) => assert.equal(user.createOrganizationsLimit, 3)],
    [{ legalAcceptedAt: date, skipLegalChecks: true }, (user) => assert.equal(user.legalAcceptedAt, date.getTime())],
    [{ createdAt: date }, (user) => assert.equal(user.createdAt, date.getTime())],
    [{ publicMetadata: { Plan: 'pro' } }, (user) => assert.deepEqual(user.publicMetadata, { Plan: 'pro' })],
    [{ privateMetadata: { snake_case: 'canary' } }, (user) => assert.deepEqual(user.privateMetadata, { snake_case: 'canary' })],
    [{ unsafeMetadata: { camelCase: [1.5, null] } }, (user) => assert.deepEqual(user.unsafeMetadata, { camelCase: [1.5, null] })],
  ];
  for (const [params, shows] of parameters) {
    await check(`${major}  updateUser ${Object.keys(params).join(', ')}`, async () => shows(await users.updateUser(id, params)));
  }
  await check(`${major}  updateUser with every parameter at once`, async () => {
    const all = Object.assign({}, ...parameters.map(([params]) => params), { firstName: 'All', lastName: 'Fields' });
    const user = await users.updateUser(id, all);
    assert.deepEqual([user.fullName, user.publicMetadata], ['All Fields', { Plan: 'pro' }]);
  });
  await check(`${major}  updateUserMetadata merges`, async () => {
    const user = await users.updateUserMetadata(id, { publicMetadata: { Seats: { max: 5 }, Plan: null } });
    assert.deepEqual(user.publicMetadata, { Seats: { max: 5 } });
  });
  await check(`${major}  updateUser skipPasswordChecks with a production key is refused`, async () => {
    const refused = users.updateUser(id, { password: 'canary', skipPasswordChecks: true });
    const error = await refused.then(() => assert.fail('the call was not refused'), (error) => error);
    assert.deepEqual([error.status, error.errors[0].code], [422, 'gateway_policy_denied']);
  });
  await check(`${major}  deleteUser`, async () => assert.equal((await users.deleteUser(id)).deleted, true));
}

await updates('1', one);
await updates('2', two);
process.exitCode = failures === 0 ? 0 : 1;
