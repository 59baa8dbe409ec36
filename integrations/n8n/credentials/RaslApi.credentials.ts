import type {
	IAuthenticateGeneric,
	ICredentialTestRequest,
	ICredentialType,
	Icon,
	INodeProperties,
} from 'n8n-workflow';

export class RaslApi implements ICredentialType {
	name = 'raslApi';

	displayName = 'RASL API';

	icon: Icon = { light: 'file:../icons/rasl.svg', dark: 'file:../icons/rasl.dark.svg' };

	documentationUrl = 'https://rasl.example/docs/n8n';

	properties: INodeProperties[] = [
		{
			displayName: 'Base URL',
			name: 'baseUrl',
			type: 'string',
			required: true,
			default: '',
			placeholder: 'https://rasl.example.com',
			description: 'Address of your RASL server, with or without <code>/api/v2</code>',
		},
		{
			displayName: 'Token',
			name: 'token',
			type: 'string',
			typeOptions: { password: true },
			required: true,
			default: '',
			description:
				'A token with <code>account:read</code> and the scopes of what the nodes do, for the trigger <code>webhooks:read</code> and <code>webhooks:write</code>',
		},
	];

	authenticate: IAuthenticateGeneric = {
		type: 'generic',
		properties: { headers: { Authorization: '=Bearer {{$credentials.token}}' } },
	};

	test: ICredentialTestRequest = {
		request: {
			baseURL: '={{$credentials.baseUrl.trim().replace(/(\\/api\\/v2)?\\/*$/, "")}}/api/v2',
			url: '/account',
		},
	};
}
