import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE = 5 * 60;

export interface Signed {
	id: unknown;
	timestamp: unknown;
	signature: unknown;
	body: Buffer;
}

/**
 * Whether a delivery is RASL's and recent, by the Standard Webhooks headers: any of its signatures may be the right one, as
 * there are two while a secret is being replaced. `now` is in seconds.
 */
export function isGenuine({ id, timestamp, signature, body }: Signed, secret: string, now: number): boolean {
	if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signature !== 'string') return false;
	if (!/^\d{1,12}$/.test(timestamp) || Math.abs(now - Number(timestamp)) > TOLERANCE) return false;
	const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
	if (key.length === 0) return false;
	const right = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
	return signature
		.split(' ')
		.filter((one) => one.startsWith('v1,'))
		.map((one) => Buffer.from(one.slice(3), 'base64'))
		.some((one) => one.length === right.length && timingSafeEqual(one, right));
}
