// Reads a dashboard as Grafana has it, as far as observability/src/shop_observability/panels.py makes use of it, into Perses'
// model: perses.dev/perses/docs/api/dashboard.
import type {
  DashboardResource, GridDefinition, PanelDefinition, VariableDefinition,
} from '@perses-dev/core';

interface GrafanaPanel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  fieldConfig?: { defaults: { unit?: string; custom?: { stacking?: { mode: string } } } };
  targets?: { expr: string; legendFormat?: string }[];
}

interface GrafanaVariable {
  name: string;
  label: string;
  type: string;
  query: string;
  multi: boolean;
  includeAll: boolean;
  current?: { value: string };
}

export interface GrafanaDashboard {
  uid: string;
  title: string;
  description: string;
  panels: GrafanaPanel[];
  templating: { list: GrafanaVariable[] };
}

const UNITS: Record<string, string> = {
  reqps: 'requests/sec',
  s: 'seconds',
  bytes: 'bytes',
  percentunit: 'percent-decimal',
  short: 'decimal',
};
const LABEL_VALUES = /^label_values\((?:(.*),\s*)?(\w+)\)$/;

export function unitOf(name: string): string {
  const unit = UNITS[name];
  if (!unit) throw new Error(`no unit of Perses' is known for Grafana's ${name}`);
  return unit;
}

function variable(found: GrafanaVariable): VariableDefinition {
  const parts = LABEL_VALUES.exec(found.query);
  if (!parts) throw new Error(`${found.name}: ${found.query} is no label_values(...)`);
  return {
    kind: 'ListVariable',
    spec: {
      name: found.name,
      display: { name: found.label },
      defaultValue: found.current?.value,
      allowMultiple: found.multi,
      allowAllValue: found.includeAll,
      plugin: {
        kind: 'PrometheusLabelValuesVariable',
        spec: { labelName: parts[2], matchers: parts[1] ? [parts[1]] : [] },
      },
    },
  };
}

function panel(found: GrafanaPanel): PanelDefinition {
  const format = { unit: unitOf(found.fieldConfig?.defaults.unit ?? 'short'), shortValues: true };
  const stacked = found.fieldConfig?.defaults.custom?.stacking?.mode === 'normal';
  const drawn: Record<string, { kind: string; spec: Record<string, unknown> }> = {
    stat: { kind: 'StatChart', spec: { calculation: 'last-number', format } },
    timeseries: {
      kind: 'TimeSeriesChart',
      spec: {
        legend: { position: 'bottom', mode: 'list', size: 'small' },
        yAxis: { format, min: 0 },
        visual: stacked ? { stack: 'all', areaOpacity: 0.2 } : { connectNulls: false },
      },
    },
  };
  if (!drawn[found.type]) throw new Error(`${found.title}: nobody draws a ${found.type}`);
  return {
    kind: 'Panel',
    spec: {
      display: { name: found.title, description: found.description },
      plugin: drawn[found.type],
      queries: (found.targets ?? []).map((target) => ({
        kind: 'TimeSeriesQuery',
        spec: {
          plugin: {
            kind: 'PrometheusTimeSeriesQuery',
            spec: { query: target.expr, seriesNameFormat: target.legendFormat ?? '' },
          },
        },
      })),
    },
  };
}

export function toPerses(found: GrafanaDashboard): DashboardResource {
  const panels: Record<string, PanelDefinition> = {};
  const layouts: GridDefinition[] = [];
  for (const each of found.panels) {
    if (each.type === 'row') {
      layouts.push({ kind: 'Grid', spec: { display: { title: each.title, collapse: { open: true } }, items: [] } });
      continue;
    }
    const { x, w, h } = each.gridPos;
    panels[`panel${each.id}`] = panel(each);
    layouts[layouts.length - 1].spec.items.push({
      x, y: 0, width: w, height: h, content: { $ref: `#/spec/panels/panel${each.id}` },
    });
  }
  return {
    kind: 'Dashboard',
    metadata: { name: found.uid, project: 'minishop', version: 0 },
    spec: {
      display: { name: found.title, description: found.description },
      duration: '1h',
      refreshInterval: '30s',
      variables: found.templating.list.filter((each) => each.type === 'query').map(variable),
      layouts,
      panels,
    },
  };
}
