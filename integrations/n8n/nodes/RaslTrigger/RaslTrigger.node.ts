import {
	NodeConnectionTypes,
	NodeOperationError,
	type IDataObject,
	type IHookFunctions,
	type INodeType,
	type INodeTypeDescription,
	type IWebhookFunctions,
	type IWebhookResponseData,
} from 'n8n-workflow';

import { endpointOf, remove, subscribe, type Endpoint } from './endpoint';
import { isGenuine } from './signature';
import { loadOptions } from '../Rasl/loaders';

export class RaslTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'RASL Trigger',
		name: 'raslTrigger',
		icon: { light: 'file:../../icons/rasl.svg', dark: 'file:../../icons/rasl.dark.svg' },
		group: ['trigger'],
		version: 1,
		subtitle: '={{$parameter["events"].join(", ")}}',
		description: 'Starts the workflow when a WhatsApp message, a contact or something else changes in RASL',
		defaults: { name: 'RASL Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'raslApi', required: true }],
		webhooks: [{ name: 'default', httpMethod: 'POST', responseMode: 'onReceived', path: 'webhook' }],
		properties: [
			{
				displayName: 'Event Names or IDs',
				name: 'events',
				type: 'multiOptions',
				typeOptions: { loadOptionsMethod: 'events' },
				required: true,
				default: [],
				description:
					'What starts the workflow. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
			},
			{
				displayName: 'Options',
				name: 'options',
				type: 'collection',
				placeholder: 'Add Option',
				default: {},
				options: [
					{
						displayName: 'In Order',
						name: 'is_ordered',
						type: 'boolean',
						default: true,
						description: 'Whether events of one contact wait for those before them',
					},
					{
						displayName: 'Max per Second',
						name: 'max_per_second',
						type: 'number',
						typeOptions: { minValue: 1 },
						default: 10,
						description: 'How many events may arrive in a second at most',
					},
				],
			},
		],
	};

	methods = { loadOptions: { events: loadOptions.events } };

	webhookMethods = {
		default: {
			async checkExists(this: IHookFunctions): Promise<boolean> {
				const { id, secret } = this.getWorkflowStaticData('node') as Endpoint;
				if (id === undefined || secret === undefined) return false;
				const endpoint = await endpointOf(this, id);
				const events = [...((this.getNodeParameter('events') as string[]) ?? [])].sort().join();
				if (endpoint === undefined) return false;
				const isSame = [...endpoint.events].sort().join() === events;
				if (isSame && endpoint.url === this.getNodeWebhookUrl('default')) return true;
				await remove(this, id);
				return false;
			},

			async create(this: IHookFunctions): Promise<boolean> {
				const events = this.getNodeParameter('events') as string[];
				if (events.length === 0) throw new NodeOperationError(this.getNode(), 'Choose at least one event');
				const made = await subscribe(this, events, this.getNodeParameter('options', {}) as IDataObject);
				Object.assign(this.getWorkflowStaticData('node'), made);
				return true;
			},

			async delete(this: IHookFunctions): Promise<boolean> {
				const kept = this.getWorkflowStaticData('node') as Endpoint;
				if (kept.id !== undefined) await remove(this, kept.id);
				delete kept.id;
				delete kept.secret;
				return true;
			},
		},
	};

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		const { secret } = this.getWorkflowStaticData('node') as Endpoint;
		const headers = this.getHeaderData();
		const signed = {
			id: headers['webhook-id'],
			timestamp: headers['webhook-timestamp'],
			signature: headers['webhook-signature'],
			body: this.getRequestObject().rawBody,
		};
		if (secret === undefined || !isGenuine(signed, secret, Date.now() / 1000)) {
			this.getResponseObject().status(401).json({ message: 'The signature is missing, wrong or too old' });
			return { noWebhookResponse: true };
		}
		return { workflowData: [this.helpers.returnJsonArray(this.getBodyData())] };
	}
}
