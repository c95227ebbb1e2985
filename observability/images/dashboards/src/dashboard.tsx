// A dashboard, drawn by Perses from Grafana's JSON.
import { useMemo, type ReactElement } from 'react';
import { Alert } from '@mui/material';
import type { DatasourceApi } from '@perses-dev/dashboards';
import { ViewDashboard } from '@perses-dev/dashboards';
import type { GlobalDatasourceResource } from '@perses-dev/core';
import { dynamicImportPluginLoader, PluginRegistry, type PluginModuleResource } from '@perses-dev/plugin-system';
import * as prometheusPlugin from '@perses-dev/prometheus-plugin';
import * as statChart from '@perses-dev/stat-chart-plugin';
import * as timeSeriesChart from '@perses-dev/timeseries-chart-plugin';
import { useParams } from 'react-router-dom';
import { Exemplars } from './exemplars';
import { toPerses, type GrafanaDashboard } from './grafana';
import { useJson } from './json';

const prometheus: GlobalDatasourceResource = {
  kind: 'GlobalDatasource',
  metadata: { name: 'prometheus' },
  spec: {
    default: true,
    plugin: { kind: 'PrometheusDatasource', spec: { directUrl: '/prometheus', scrapeInterval: '15s' } },
  },
};
const datasources: DatasourceApi = {
  getDatasource: async () => undefined,
  getGlobalDatasource: async (wanted) => (wanted.kind === 'PrometheusDatasource' ? prometheus : undefined),
  listDatasources: async () => [],
  listGlobalDatasources: async (kind) => (!kind || kind === 'PrometheusDatasource' ? [prometheus] : []),
};
const plugins = dynamicImportPluginLoader(
  [prometheusPlugin, statChart, timeSeriesChart].map((each) => ({
    resource: each.getPluginModule() as PluginModuleResource,
    importPlugin: async () => each,
  })),
);
const usual = { Panel: 'TimeSeriesChart', TimeSeriesQuery: 'PrometheusTimeSeriesQuery' };

export function DashboardPage(): ReactElement | null {
  const { uid } = useParams();
  const { data, error } = useJson<GrafanaDashboard>(`/files/dashboards/${uid}.json`);
  const dashboard = useMemo(() => (data ? toPerses(data) : undefined), [data]);
  if (error) return <Alert severity="error">{error.message}</Alert>;
  if (!data || !dashboard) return null;
  return (
    <PluginRegistry pluginLoader={plugins} defaultPluginKinds={usual}>
      <ViewDashboard
        key={uid}
        dashboardResource={dashboard}
        datasourceApi={datasources}
        isReadonly
        isVariableEnabled
        isDatasourceEnabled={false}
        dashboardTitleComponent={<h2 style={{ margin: 0 }}>{dashboard.spec.display?.name}</h2>}
      />
      <Exemplars dashboard={data} />
    </PluginRegistry>
  );
}
