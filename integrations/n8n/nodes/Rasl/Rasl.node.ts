import {
	NodeApiError,
	NodeConnectionTypes,
	NodeOperationError,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	type JsonObject,
} from 'n8n-workflow';

import { describe } from './describe';
import { loadOptions, templateVariables } from './loaders';
import { OPERATIONS } from './operations';
import { run } from './run';

export class Rasl implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'RASL',
		name: 'rasl',
		icon: { light: 'file:../../icons/rasl.svg', dark: 'file:../../icons/rasl.dark.svg' },
		group: ['output'],
		version: 1,
		subtitle: '={{$parameter["operation"] + ": " + $parameter["resource"]}}',
		description: 'Send WhatsApp messages and look after contacts with RASL',
		defaults: { name: 'RASL' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'raslApi', required: true }],
		properties: describe(OPERATIONS),
	};

	methods = { loadOptions, resourceMapping: { templateVariables } };

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		const answers: INodeExecutionData[] = [];
		for (let item = 0; item < this.getInputData().length; item++) {
			try {
				const id = this.getNodeParameter('operation', item) as string;
				const operation = OPERATIONS.find((one) => one.id === id);
				if (operation === undefined) {
					throw new NodeOperationError(this.getNode(), `The operation "${id}" is not known`, { itemIndex: item });
				}
				answers.push(...(await run(this, operation, item)));
			} catch (error) {
				if (!this.continueOnFail()) {
					if (error instanceof NodeOperationError) throw new NodeOperationError(this.getNode(), error);
					throw new NodeApiError(this.getNode(), error as JsonObject, { itemIndex: item });
				}
				answers.push({ json: { error: (error as Error).message }, pairedItem: { item } });
			}
		}
		return [answers];
	}
}
