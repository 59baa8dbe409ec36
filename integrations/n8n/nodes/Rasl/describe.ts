import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';

import type { Field, Operation } from './operation';

const EXPRESSION = '<a href="https://docs.n8n.io/code/expressions/">expression</a>';

const OPERATORS = ['=', '!=', '>', '>=', '<', '<=', 'like', 'in', 'not_in', 'between', 'null'];

const SEND_OPTIONS: INodeProperties[] = [
	{
		displayName: 'Send in Background',
		name: 'inBackground',
		type: 'boolean',
		default: false,
		description: 'Whether to answer at once and let the worker send',
	},
];

const KEY_OPTION: INodeProperties = {
	displayName: 'Idempotency Key',
	name: 'idempotencyKey',
	type: 'string',
	default: '',
	description:
		'Requests with the same key are done once in 24 hours. Left out: one of this execution, node and item, so that Retry On Fail never does it twice.',
};

/** Return resource, operation and the fields of each operation, as n8n shows them. */
export function describe(operations: Operation[]): INodeProperties[] {
	const resources = [...new Set(operations.map((operation) => operation.resource))];
	return [
		{
			displayName: 'Resource',
			name: 'resource',
			type: 'options',
			noDataExpression: true,
			options: resources.map((name) => ({ name, value: valueOf(name) })),
			default: 'message',
		},
		...resources.map((resource) => menu(operations.filter((operation) => operation.resource === resource))),
		...operations.flatMap(fieldsOf),
	];
}

export function valueOf(resource: string): string {
	return resource.charAt(0).toLowerCase() + resource.slice(1);
}

function usual(operations: Operation[]): string {
	const text = operations.find(({ id }) => id === 'sendText');
	return (text ?? operations.find(({ name }) => name === 'Get Many') ?? operations[0]).id;
}

function menu(operations: Operation[]): INodeProperties {
	return {
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: { show: { resource: [valueOf(operations[0].resource)] } },
		options: operations.map(({ id, name, summary, description }) => ({
			name,
			value: id,
			action: summary,
			description,
		})),
		default: usual(operations),
	};
}

function fieldsOf(operation: Operation): INodeProperties[] {
	const displayOptions = { show: { resource: [valueOf(operation.resource)], operation: [operation.id] } };
	const first = operation.fields.filter((field) => field.isRequired || field.isFirst);
	const others = operation.fields.filter((field) => !first.includes(field)).map(propertyOf);
	if (operation.isSend) others.push(...SEND_OPTIONS);
	if (operation.isRepeatable) others.push(KEY_OPTION);
	others.sort((one, other) => one.displayName.localeCompare(other.displayName));
	const shown: INodeProperties[] = first.map((field) => ({
		...propertyOf(field),
		...(field.isRequired ? { required: true } : {}),
	}));
	if (operation.answer === 'list') shown.push(...PAGING);
	if (operation.answer === 'file') shown.push(OUTPUT);
	if (others.length > 0) {
		shown.push({
			displayName: 'Additional Fields',
			name: 'additionalFields',
			type: 'collection',
			placeholder: 'Add Field',
			default: {},
			options: others,
		});
	}
	return shown.map((property) => ({
		...property,
		displayOptions: { show: { ...property.displayOptions?.show, ...displayOptions.show } },
	}));
}

const PAGING: INodeProperties[] = [
	{
		displayName: 'Return All',
		name: 'returnAll',
		type: 'boolean',
		default: false,
		description: 'Whether to return all results or only up to a given limit',
	},
	{
		displayName: 'Limit',
		name: 'limit',
		type: 'number',
		typeOptions: { minValue: 1 },
		default: 50,
		description: 'Max number of results to return',
		displayOptions: { show: { returnAll: [false] } },
	},
];

const OUTPUT: INodeProperties = {
	displayName: 'Put Output File in Field',
	name: 'binaryPropertyName',
	type: 'string',
	default: 'data',
	required: true,
	hint: 'The name of the output binary field to put the file in',
};

const names = (values: Field['options'] = []): INodePropertyOptions[] =>
	values.map((value) => ({ name: words(String(value)), value }));

function words(value: string): string {
	return /^[a-z_]+$/.test(value)
		? value.replace(/(^|_)([a-z])/g, (_, space, letter) => (space && ' ') + letter.toUpperCase())
		: value;
}

/** Return the property of a field; its name is that of the API. */
export function propertyOf(field: Field): INodeProperties {
	const told = {
		displayName: field.title,
		name: field.name,
		...(field.description ? { description: field.description } : {}),
	};
	if (field.load) return loaded(field, told);
	switch (field.kind) {
		case 'number':
			return { ...told, type: 'number', default: 0 };
		case 'boolean':
			return { ...told, type: 'boolean', default: field.default ?? true };
		case 'options':
			return { ...told, type: 'options', options: names(field.options), default: field.options?.[0] ?? '' };
		case 'choices':
			return { ...told, type: 'multiOptions', options: names(field.options), default: [] };
		case 'list':
			return { ...told, type: 'string', default: '', hint: 'Several with commas, or a list by expression' };
		case 'json':
			return { ...told, type: 'json', default: '' };
		case 'map':
			return pairs(told);
		case 'group':
		case 'groups':
			return groups(field, told);
		case 'filter':
			return filters(field, told);
		case 'variables':
			return variables(told);
		case 'file':
			return { ...told, type: 'string', default: 'data', hint: 'The name of the input binary field with the file' };
		default: {
			const isLong = ['message', 'body_text', 'comment'].includes(field.name);
			const isSecret = /token|secret/.test(field.name) && !field.name.endsWith('_id');
			const typeOptions = isLong ? { rows: 4 } : isSecret ? { password: true } : undefined;
			const placeholder = field.name === 'phone' || field.name === 'mobile' ? '+44 20 7946 0011' : undefined;
			return {
				...told,
				type: field.name.endsWith('_at') ? 'dateTime' : 'string',
				...(typeOptions ? { typeOptions } : {}),
				...(placeholder ? { placeholder } : {}),
				default: '',
			};
		}
	}
}

type Told = Pick<INodeProperties, 'displayName' | 'name' | 'description'>;

function loaded(field: Field, told: Told): INodeProperties {
	const isList = field.kind === 'list';
	const name = field.title.replace(/ IDs?$/, '');
	const typeOptions = {
		loadOptionsMethod: field.load,
		...(field.load === 'languages' ? { loadOptionsDependsOn: ['template_name'] } : {}),
	};
	const choose = isList ? 'Choose from the list, or specify IDs' : 'Choose from the list, or specify an ID';
	return {
		...told,
		displayName: `${name} ${isList ? 'Names or IDs' : 'Name or ID'}`,
		description: `${choose} using an ${EXPRESSION}`,
		...(isList ? { type: 'multiOptions', default: [] } : { type: 'options', default: '' }),
		typeOptions,
	};
}

function pairs(told: Told): INodeProperties {
	return {
		...told,
		type: 'fixedCollection',
		typeOptions: { multipleValues: true },
		placeholder: 'Add Value',
		default: {},
		options: [
			{
				displayName: 'Values',
				name: 'item',
				values: [
					{ displayName: 'Name', name: 'name', type: 'string', default: '' },
					{ displayName: 'Value', name: 'value', type: 'string', default: '' },
				],
			},
		],
	};
}

function groups(field: Field, told: Told): INodeProperties {
	return {
		...told,
		type: 'fixedCollection',
		...(field.kind === 'groups' ? { typeOptions: { multipleValues: true } } : {}),
		placeholder: 'Add',
		default: {},
		options: [{ displayName: field.title, name: 'item', values: (field.fields ?? []).map(propertyOf) }],
	};
}

function filters(field: Field, told: Told): INodeProperties {
	return {
		...told,
		type: 'fixedCollection',
		typeOptions: { multipleValues: true },
		placeholder: 'Add Filter',
		default: {},
		options: [
			{
				displayName: 'Filter',
				name: 'item',
				values: [
					{
						displayName: 'Field',
						name: 'field',
						type: 'string',
						default: '',
						description: `One of ${(field.options ?? []).join(', ')}`,
					},
					{
						displayName: 'Operator',
						name: 'operator',
						type: 'options',
						options: OPERATORS.map((value) => ({ name: value, value })),
						default: '=',
					},
					{ displayName: 'Value', name: 'value', type: 'string', default: '' },
				],
			},
		],
	};
}

function variables(told: Told): INodeProperties {
	return {
		...told,
		type: 'resourceMapper',
		noDataExpression: true,
		default: { mappingMode: 'defineBelow', value: null },
		typeOptions: {
			loadOptionsDependsOn: ['template_name', 'language'],
			resourceMapper: {
				resourceMapperMethod: 'templateVariables',
				mode: 'add',
				fieldWords: { singular: 'variable', plural: 'variables' },
				addAllFields: true,
				supportAutoMap: false,
				hideNoDataError: true,
			},
		},
	};
}
