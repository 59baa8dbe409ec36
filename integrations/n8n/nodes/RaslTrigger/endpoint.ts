import type { IDataObject, IHookFunctions } from 'n8n-workflow';

import { call, fetchData } from '../Rasl/call';

/** What the trigger keeps of its endpoint; the secret is told once, when it is made. */
export interface Endpoint {
	id?: number | string;
	secret?: string;
}

/**
 * Create the endpoint that events of this workflow go to, in place of one whose secret n8n has lost: the address is no
 * other workflow's. Throws NodeApiError.
 */
export async function subscribe(
	context: IHookFunctions,
	events: string[],
	options: IDataObject,
): Promise<Required<Endpoint>> {
	const url = context.getNodeWebhookUrl('default');
	const lost = await fetchData<Array<Required<Endpoint>>>(context, '/webhooks', { 'filter[url]': url });
	for (const { id } of lost) await remove(context, id);
	const body = {
		...options,
		url,
		events,
		format: 'n8n',
		description: `n8n: ${context.getWorkflow().name ?? context.getWorkflow().id}`,
	};
	const answer = await call(context, { method: 'POST', path: '/webhooks', body });
	const { id, secret } = (answer.body as { data: Required<Endpoint> }).data;
	return { id, secret };
}

/** Return the endpoint as RASL has it, or nothing when it is gone. Throws NodeApiError. */
export async function endpointOf(
	context: IHookFunctions,
	id: number | string,
): Promise<{ url: string; events: string[] } | undefined> {
	const answer = await call(context, { method: 'GET', path: `/webhooks/${id}`, mayBeGone: true });
	return answer.statusCode === 404 ? undefined : (answer.body as { data: { url: string; events: string[] } }).data;
}

/** Delete the endpoint, if it is there. Throws NodeApiError. */
export async function remove(context: IHookFunctions, id: number | string): Promise<void> {
	await call(context, { method: 'DELETE', path: `/webhooks/${id}`, mayBeGone: true });
}
