// The page on the embedded cluster: dashboards, log lines and runbooks, and the ways to traces and alerts.
import type { ReactElement } from 'react';
import { createRoot } from 'react-dom/client';
import { AppBar, Button, CssBaseline, ThemeProvider, Toolbar } from '@mui/material';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { ChartsProvider, generateChartsTheme, getTheme, SnackbarProvider } from '@perses-dev/components';
import { RouterProvider } from '@perses-dev/plugin-system';
import { BrowserRouter, Link, Navigate, Route, Routes, useNavigate, useSearchParams } from 'react-router-dom';
import { QueryParamProvider } from 'use-query-params';
import { ReactRouter6Adapter } from 'use-query-params/adapters/react-router-6';
import { DashboardPage } from './dashboard';
import { ALERTS, logsUrl, QUERIES, TRACES } from './elsewhere';
import { useJson } from './json';
import { LogsPage } from './logs';
import { RunbookPage } from './runbook';

const theme = getTheme('light');
const charts = generateChartsTheme(theme, {});

function Navigation(): ReactElement {
  const { data } = useJson<{ name: string }[]>('/files/dashboards/');
  const [params] = useSearchParams();
  const names = (data ?? []).map((each) => each.name).filter((each) => each.endsWith('.json'));
  const service = params.getAll('var-service').flatMap((each) => each.split(',')).filter((each) => each && each[0] !== '$');
  const query = service.length ? `service:(${service.join(' OR ')})` : 'level:(error OR warning)';
  return (
    <AppBar position="static" color="default" elevation={1}>
      <Toolbar variant="dense" sx={{ flexWrap: 'wrap' }}>
        {names.map((name) => name.replace('.json', '')).map((uid) => (
          <Button key={uid} component={Link} to={`/d/${uid}`}>{uid.replace('minishop-', '')}</Button>
        ))}
        <Button component={Link} to={logsUrl(query)}>Logs</Button>
        <Button component={Link} to="/runbooks/README">Runbooks</Button>
        <Button href={TRACES}>Traces</Button>
        <Button href={ALERTS}>Alerts</Button>
        <Button href={QUERIES}>Queries</Button>
      </Toolbar>
    </AppBar>
  );
}

function Pages(): ReactElement {
  const navigate = useNavigate();
  return (
    <RouterProvider RouterComponent={Link} navigate={navigate}>
      <Navigation />
      <Routes>
        <Route path="/d/:uid" element={<DashboardPage />} />
        <Route path="/logs" element={<LogsPage />} />
        <Route path="/runbooks/:name" element={<RunbookPage />} />
        <Route path="*" element={<Navigate to="/d/minishop-shop" replace />} />
      </Routes>
    </RouterProvider>
  );
}

createRoot(document.getElementById('root')!).render(
  <BrowserRouter>
    <QueryClientProvider client={new QueryClient()}>
      <QueryParamProvider adapter={ReactRouter6Adapter}>
        <ThemeProvider theme={theme}>
          <ChartsProvider chartsTheme={charts}>
            <CssBaseline />
            <SnackbarProvider>
              <Pages />
            </SnackbarProvider>
          </ChartsProvider>
        </ThemeProvider>
      </QueryParamProvider>
    </QueryClientProvider>
  </BrowserRouter>,
);
