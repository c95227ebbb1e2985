// A page of docs/runbooks.
import type { ReactElement } from 'react';
import { Alert, Box } from '@mui/material';
import Markdown from 'react-markdown';
import { Link, useParams } from 'react-router-dom';
import remarkGfm from 'remark-gfm';
import { useText } from './json';

export function RunbookPage(): ReactElement {
  const name = (useParams().name ?? 'README').replace(/\.md$/, '');
  const { data, error } = useText(`/files/runbooks/${name}.md`);
  return (
    <Box sx={{ p: 2, maxWidth: '60rem', '& td, & th': { textAlign: 'left', pr: 2 } }}>
      {error && <Alert severity="error">{error.message}</Alert>}
      <Markdown
        remarkPlugins={[remarkGfm]}
        components={{ a: ({ href, children }) => <Link to={`/runbooks/${href ?? ''}`}>{children}</Link> }}
      >
        {data ?? ''}
      </Markdown>
    </Box>
  );
}
