// Runs functions of the node's modules: reads [[module, function, ...arguments], …], prints what each returned.
const fs = require('node:fs');
const path = require('node:path');

const [, , compiler, source, target] = process.argv;
const ts = require(compiler);

function made(folder) {
	for (const name of fs.readdirSync(path.join(source, folder))) {
		if (!name.endsWith('.ts')) continue;
		const { outputText } = ts.transpileModule(fs.readFileSync(path.join(source, folder, name), 'utf8'), {
			compilerOptions: { module: 'commonjs', target: 'es2020' },
		});
		fs.mkdirSync(path.join(target, folder), { recursive: true });
		fs.writeFileSync(path.join(target, folder, name.replace(/ts$/, 'js')), outputText);
	}
}

if (!fs.existsSync(path.join(target, 'nodes'))) {
	made('nodes/Rasl');
	made('nodes/RaslTrigger');
}

// What is bytes travels as {"bytes": "…"} in base64.
const revive = (_, value) =>
	value && typeof value === 'object' && typeof value.bytes === 'string' ? Buffer.from(value.bytes, 'base64') : value;
const calls = JSON.parse(fs.readFileSync(0, 'utf8'), revive);
const answers = calls.map(([module, name, ...given]) => {
	const found = require(path.join(target, 'nodes', module))[name];
	let answer;
	try {
		answer = typeof found === 'function' ? found(...given) : found;
	} catch (error) {
		return { error: error.message };
	}
	return Buffer.isBuffer(answer?.body) ? { ...answer, body: answer.body.toString('latin1') } : answer ?? null;
});
process.stdout.write(JSON.stringify(answers));
