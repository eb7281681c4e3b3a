// Checks dashboards against the types Grafana publishes: each file becomes a TypeScript constant of the type
// `Dashboard`, with the options of each panel of the type its plugin declares, for `tsc --strict` to judge.
//
// Usage: node dashboards.mjs PEERS FILE...     (PEERS has node_modules with @grafana/schema and typescript)
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [peers, ...files] = process.argv.slice(2);
const dist = '@grafana/schema/dist/esm/raw';

// Names of the plugins as the package spells them. A kind of panel that is not among them fails.
const PLUGINS = { bargauge: 'BarGauge', stat: 'Stat', 'state-timeline': 'StateTimeline', table: 'Table', timeseries: 'TimeSeries' };

// JSON has the words of an enumeration, TypeScript its members: both are taken for the same.
const lines = [
  `import type * as Grafana from '${dist}/dashboard/x/Dashboard_types.gen';`,
  ...Object.entries(PLUGINS).map(([kind, name]) => {
    const folder = kind.replace('-', '');
    return `import type * as ${name} from '${dist}/composable/${folder}/panelcfg/x/${name}PanelCfg_types.gen';`;
  }),
  'type Plain<T> = unknown extends T ? T : T extends string ? `${T}` : T extends number ? number',
  '  : T extends boolean | null | undefined ? T : T extends (infer E)[] ? Plain<E>[]',
  '  : { [K in keyof T]: Plain<T[K]> };',
  // Grafana fills in what is left out, at every depth.
  'type Part<T> = unknown extends T ? T : T extends (infer E)[] ? Part<E>[] : T extends object ? { [K in keyof T]?: Part<T[K]> } : T;',
];

for (const [at, file] of files.entries()) {
  const dashboard = JSON.parse(fs.readFileSync(file, 'utf8'));
  const shown = (value) => JSON.stringify(value, null, 2);
  lines.push(`// ${path.basename(file)}`, `export const dashboard${at}: Plain<Grafana.Dashboard> = ${shown(dashboard)};`);
  for (const panel of dashboard.panels.filter((panel) => panel.type !== 'row')) {
    const plugin = PLUGINS[panel.type];
    if (plugin === undefined) {
      throw new Error(`${file}: no types are known of the panel "${panel.title}", a ${panel.type}`);
    }
    const name = `panel${at}_${panel.id}`;
    lines.push(`// ${path.basename(file)}: ${panel.title}`);
    lines.push(`export const ${name}: Part<Plain<${plugin}.Options>> = ${shown(panel.options ?? {})};`);
    const custom = panel.fieldConfig.defaults.custom;
    if (custom !== undefined) {
      lines.push(`export const ${name}_custom: Part<Plain<${plugin}.FieldConfig>> = ${shown(custom)};`);
    }
  }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dashboards-'));
try {
  fs.symlinkSync(path.resolve(peers, 'node_modules'), path.join(folder, 'node_modules'));
  fs.writeFileSync(path.join(folder, 'dashboards.ts'), lines.join('\n'));
  const tsc = path.resolve(peers, 'node_modules/typescript/bin/tsc');
  const options = ['--strict', '--noEmit', '--skipLibCheck', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--target', 'es2022'];
  execFileSync(process.execPath, [tsc, ...options, 'dashboards.ts'], { cwd: folder, stdio: 'inherit' });
  console.log(`${files.length} dashboards are of Grafana's types`);
} catch (error) {
  console.error(error.status === undefined ? error : 'the types do not fit');
  process.exitCode = 1;
} finally {
  fs.rmSync(folder, { recursive: true });
}
